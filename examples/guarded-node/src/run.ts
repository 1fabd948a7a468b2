import { once as happened } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Controls } from './controls.ts'
import { Door } from './door.ts'
import { readKeys, readLines } from './input.ts'
import { Ledger } from './ledger.ts'
import { guardedNode } from './node.ts'
import { judge } from './outcome.ts'
import { explainListenError, ListenError, portsOf } from './ports.ts'
import { rehearse } from './rehearsal.ts'
import { scopesOf } from './scopes.ts'
import { createScreen } from './screen.ts'
import { startVisitors } from './visitors.ts'
import { groupName } from './words.ts'
import type { Settings } from './arguments.ts'
import type { Prompt } from './controls.ts'
import type { Answer } from './door.ts'
import type { PingResult } from './ledger.ts'
import type { GuardedNode } from './node.ts'
import type { Rehearsed } from './rehearsal.ts'
import type { Scopes } from './scopes.ts'
import type { Screen } from './screen.ts'
import type { Visitor, Visitors } from './visitors.ts'

/**
 * In ms; whatever still runs then is a bug. All is stopped within a tenth of a second, but a timer of one second
 * that libp2p arms while it stops (its address manager's) has to run out.
 */
const STOP_DEADLINE = 1_900

/** As many groups as fit in a terminal of 24 lines with all the rest */
const MAX_ROWS = 8

/** How long an answer is to be read, in ms; then what can be typed is shown again */
const NOTICE = 6_000

/** By convention: 128 and the number of SIGINT */
const INTERRUPTED = 130

/**
 * Runs the example until it is told to stop, or until its time is up.
 *
 * @returns the exit code
 */
export async function run (settings: Settings): Promise<number> {
  const control = stopControl()
  const screen = createScreen(process.stdout, settings.json)
  try {
    const show = new Show(settings, screen, await startNode(settings))
    try {
      return await show.play(control)
    } finally {
      setTimeout(endTheHardWay, STOP_DEADLINE).unref()
      await show.stop()
    }
  } catch (err) {
    if (!(err instanceof ListenError)) throw err
    process.stderr.write(`${err.message}\n`)
    return 1
  } finally {
    if (process.connected) process.disconnect()
  }
}

async function startNode (settings: Settings): Promise<GuardedNode> {
  const { tcpPort, wsPort } = settings
  try {
    return await guardedNode([`/ip4/127.0.0.1/tcp/${tcpPort}`, `/ip4/127.0.0.1/tcp/${wsPort}/ws`])
  } catch (err) {
    throw await explainListenError(err, settings)
  }
}

/** The node, its visitors, and the picture that is drawn of them */
class Show {
  readonly #settings: Settings
  readonly #screen: Screen
  readonly #node: GuardedNode
  readonly #begin = performance.now()
  readonly #ledger = new Ledger(() => this.#elapsed())
  readonly #door: Door
  /** How many pings each honest visitor had answered */
  readonly #answered: number[] = []
  #visitors: Visitors | undefined
  #timer: NodeJS.Timeout | undefined
  #controls: Controls | undefined
  #stopReading: (() => void) | undefined
  #notice: { readonly text: string, readonly until: number } | undefined

  constructor (settings: Settings, screen: Screen, node: GuardedNode) {
    this.#settings = settings
    this.#screen = screen
    this.#node = node
    const { lifecycle, gater } = node.services
    this.#door = new Door(gater, () => this.#visitors?.all ?? [], (group, count) => { this.#ledger.turnedAway(group, count) })
    for (const type of ['connection:opened', 'connection:refused', 'connection:closed'] as const) {
      lifecycle.addEventListener(type, ({ detail }) => {
        this.#ledger.observe(detail)
        this.#door.observe(detail)
      })
    }
  }

  /** Resolves with the exit code when the signal aborts, or when the time is up */
  async play (control: AbortController): Promise<number> {
    const { visitors, once, duration } = this.#settings
    const { signal } = control
    this.#screen.listening(this.#node.getMultiaddrs().map(String))
    try {
      signal.throwIfAborted()
      if (visitors) await this.#invite(control)
      this.#timer = setInterval(() => { this.#draw() }, this.#screen.interval)
      this.#draw()
      if (once) return await this.#prove(duration, signal)
      this.#obey(control)
      await happened(signal, 'abort')
      return 0
    } catch (err) {
      if (!signal.aborted) throw err
      if (signal.reason instanceof Error) throw signal.reason
      if (once) process.stderr.write('stopped before the time was up, so nothing is proven\n')
      return once ? INTERRUPTED : 0
    }
  }

  async stop (): Promise<void> {
    clearInterval(this.#timer)
    this.#stopReading?.()
    this.#screen.close()
    await this.#visitors?.stop()
    await this.#node.stop()
  }

  async #invite (control: AbortController): Promise<void> {
    const target = { ...portsOf(this.#node.getMultiaddrs()), peer: this.#node.peerId.toString() }
    this.#visitors = await startVisitors({
      target,
      onPing: (visitor, result) => { this.#pinged(visitor, result) },
      onFailure: error => { control.abort(error) }
    }, control.signal)
    this.#answered.push(...Array.from({ length: this.#visitors.honest - this.#answered.length }, () => 0))
  }

  /** Does what the operator asks for from now on: by keys where there is a terminal on both sides, otherwise by lines */
  #obey (control: AbortController): void {
    const { stdin, stdout } = process
    const keys = stdin.isTTY && stdout.isTTY && !this.#settings.json
    const controls = new Controls({
      door: this.#door,
      keys,
      choices: () => this.#choices(),
      first: this.#greedy?.name,
      say: answer => { this.#say(answer) },
      stop: () => { control.abort('stopped') },
      changed: () => { this.#draw() }
    })
    this.#controls = controls
    this.#stopReading = keys ? readKeys(stdin, controls) : readLines(stdin, controls)
  }

  /** Who can be shut out, in the order of the screen; then those who have no row of their own, but say who they are */
  #choices (): string[] {
    const all = this.#visitors?.all ?? []
    const { rows } = this.#ledger.rows(this.#node.services.lifecycle.records(), MAX_ROWS)
    const inRows = rows.map(({ group }) => all.find(({ address }) => address === group)?.name ?? group)
    return [...inRows, ...all.filter(({ address, peer }) => address == null && peer != null).map(({ name }) => name)]
  }

  get #greedy (): Visitor | undefined {
    return this.#visitors?.all.find(({ kind }) => kind === 'greedy')
  }

  #say (answer: Answer): void {
    this.#notice = { text: answer.text, until: this.#elapsed() + NOTICE }
    this.#screen.say(answer)
  }

  /** Runs for its time, with one visitor shut out for a part of it, and judges what it saw */
  async #prove (duration: number, signal: AbortSignal): Promise<number> {
    const [rehearsed] = await Promise.all([this.#rehearse(duration / 2, signal), delay(duration, undefined, { signal })])
    await this.#visitors?.finish()
    return this.#judge(rehearsed)
  }

  async #rehearse (after: number, signal: AbortSignal): Promise<Rehearsed> {
    await delay(after, undefined, { signal })
    const { lifecycle, resourceManager } = this.#node.services
    const visitor = this.#greedy
    if (visitor == null) throw new Error('there is no greedy visitor')
    return rehearse({
      visitor,
      door: this.#door,
      live: () => [...lifecycle.records()].filter(({ connection, remotePeer }) => connection != null && remotePeer?.toString() === visitor.peer).length,
      isFull: () => (resourceManager.snapshot({ peers: 0 }).classes.peer.refusals.connectionsInbound ?? 0) > 0,
      say: answer => { this.#say(answer) }
    }, signal)
  }

  #pinged (visitor: number, result: PingResult): void {
    const who = this.#visitors?.all[visitor]
    // whoever is shut out is not meant to be served
    if (!result.ok && who != null && this.#door.isShut(who)) return
    this.#ledger.pinged(result)
    this.#answered[visitor] = (this.#answered[visitor] ?? 0) + (result.ok ? 1 : 0)
  }

  #draw (): void {
    const { lifecycle, registry } = this.#node.services
    this.#door.settle()
    this.#screen.show({
      elapsed: this.#elapsed(),
      ...this.#ledger.rows(lifecycle.records(), MAX_ROWS),
      verdicts: this.#ledger.verdicts,
      ...(this.#visitors == null ? {} : { pings: this.#ledger.pings }),
      sockets: registry.status().sockets,
      labels: this.#labels(),
      scopes: this.#scopes(),
      shutOut: this.#door.shutOut,
      prompt: this.#prompt()
    })
  }

  #prompt (): Prompt | undefined {
    const prompt = this.#controls?.prompt
    const notice = this.#notice != null && this.#notice.until > this.#elapsed() ? { text: this.#notice.text } : undefined
    return prompt == null ? notice : { ...prompt, ...notice }
  }

  #labels (): ReadonlyMap<string, string> {
    return this.#visitors?.labels ?? new Map()
  }

  #scopes (): Scopes {
    const { lifecycle, resourceManager } = this.#node.services
    const labels = this.#labels()
    const origins = new Map<string, string>()
    for (const { remotePeer, address } of lifecycle.records()) {
      const group = groupName(address)
      if (remotePeer != null) origins.set(String(remotePeer), labels.has(group) ? `${group} ${labels.get(group)}` : group)
    }
    return scopesOf(resourceManager.snapshot(), origins)
  }

  #judge (rehearsed: Rehearsed): number {
    this.#draw()
    const { pings, closed } = this.#ledger
    const overLimit = this.#scopes().refusals.reduce((sum, { count }) => sum + count, 0)
    const problems = judge({ pings, closed, overLimit, rehearsed, answered: this.#answered })
    this.#screen.outcome(problems, `all ${pings.ok} honest pings were answered, while ${this.#ledger.dropped} hostile connections were dropped, ${overLimit} greedy requests refused, and ${rehearsed.name} shut out (${rehearsed.turnedAway} attempts) and let in again`)
    return problems.length === 0 ? 0 : 1
  }

  #elapsed (): number {
    return performance.now() - this.#begin
  }
}

/** Aborts when whoever runs us wants us to stop, or is gone */
function stopControl (): AbortController {
  const control = new AbortController()
  const stop = (): void => { control.abort('stopped') }
  // once: whoever asks a second time does not want to wait for the first
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, stop)
  process.stdout.on('error', stop)
  process.once('disconnect', stop)
  return control
}

function endTheHardWay (): void {
  process.stderr.write(`still open after ${STOP_DEADLINE} ms: ${process.getActiveResourcesInfo().join(', ')}\n`)
  process.exit(1)
}
