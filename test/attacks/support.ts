import { createLab, quantile } from '@cordon/bench-harness'
import { eventually } from '@cordon/testing/node'
import { expect } from 'vitest'
import { busyWith, Machine } from './machine.ts'
import type { Attacker, Order } from './attacker.ts'
import type { Honest, Probe, ProbeResult } from './honest.ts'
import type { MachineReading } from './machine.ts'
import type { Seen, Victim, VictimInit } from './victim.ts'
import type { Lab, MeterReading, Remote } from '@cordon/bench-harness'

export interface SceneInit extends VictimInit {
  /** What the victim is started through, see `StartOptions.through` */
  through?: readonly string[]

  /** The same for its attacker, once the victim is there */
  attackerThrough?: (victim: number) => readonly string[]
}

/** What was measured while something happened */
export interface Measured<T> {
  readonly result: T
  readonly probe: ProbeResult
  readonly victim: MeterReading
  readonly machine: MachineReading
}

/** The share of honest attempts that has to succeed */
const SERVED = 0.99

/** The slowest 1 % of them, in ms, where the machine without an attack is not half as slow already */
const P99 = 250

/** How long everything may take to be given back once the attack is over, in ms */
const AFTERMATH = 5_000

/** How long an order to the attacker may take, in ms: most of it is cryptography, on a machine that may be busy */
const CALL_TIMEOUT = 120_000

/** In bytes, over what the victim had before */
const MEMORY = 64e6

/** How long the event loop of the victim may be held up, in ms; 10 of them are the resolution of the measurement */
const LOOP = { p99: 50, max: 250 }

/** A guarded node, its attacker and honest peers of it, each in a process of its own; nothing of them outlives the test */
export class Scene {
  readonly victim: Remote<Victim>
  readonly attacker: Remote<Attacker>
  readonly port: number
  readonly #lab: Lab
  readonly #addr: string
  #honest: Remote<Honest> | undefined

  private constructor (lab: Lab, victim: Remote<Victim>, attacker: Remote<Attacker>, { port, peer }: { port: number, peer: string }) {
    this.#lab = lab
    this.victim = victim
    this.attacker = attacker
    this.port = port
    this.#addr = `/ip4/127.0.0.1/tcp/${port}/p2p/${peer}`
  }

  static async start ({ through = [], attackerThrough, ...init }: SceneInit = {}): Promise<Scene> {
    const lab = createLab()
    const attack = async (command: readonly string[]): Promise<Remote<Attacker>> => lab.start<Attacker>(new URL('./attacker.ts', import.meta.url), { through: command, callTimeout: CALL_TIMEOUT })
    try {
      const early = attackerThrough == null ? attack([]) : undefined
      const victim = await lab.start<Victim>(new URL('./victim.ts', import.meta.url), { through })
      const attacker = await (early ?? attack(attackerThrough?.(victim.pid) ?? []))
      return new Scene(lab, victim, attacker, await victim.call('start', init))
    } catch (error) {
      await lab[Symbol.asyncDispose]()
      throw error
    }
  }

  async stop (): Promise<void> {
    await this.#lab[Symbol.asyncDispose]()
  }

  /** Honest peers, one from each address; so many of them stay connected, the others come and go */
  async invite (addresses: readonly string[], stay: number): Promise<Remote<Honest>> {
    this.#honest ??= await this.#lab.start<Honest>(new URL('./honest.ts', import.meta.url))
    await this.#honest.call('start', this.#addr, addresses, stay)
    return this.#honest
  }

  /** An order to the attacker */
  order (from: readonly string[], more: Omit<Order, 'port' | 'sources'> = {}): Order {
    return { port: this.port, sources: from, ...more }
  }

  /** Watches the victim and has honest peers ask it, while something happens */
  async during <T> (honest: Remote<Honest>, probe: Probe, happens: () => Promise<T>): Promise<Measured<T>> {
    await this.victim.call('begin')
    const machine = new Machine([this.victim.pid, this.attacker.pid, honest.pid])
    const [result, probed] = await Promise.all([happens(), honest.call('probe', probe)])
    return { result, probe: probed, machine: machine.stop(), victim: await this.victim.call('end') }
  }

  async seen (): Promise<Seen> {
    return this.victim.call('seen')
  }

  /** Everybody leaves */
  async disperse (): Promise<void> {
    await Promise.all([this.attacker.call('end', 'close'), this.#honest?.call('leave')])
  }

  /** Everybody leaves, and 5 s later nothing is held any more */
  async expectClean (): Promise<void> {
    await this.disperse()
    await this.expectNothingHeld()
  }

  /** Everybody has left: 5 s later nothing is held, by whatever is counted, and nothing impossible was ever seen */
  async expectNothingHeld (): Promise<void> {
    const machine = new Machine([this.victim.pid, this.attacker.pid, ...this.#honest == null ? [] : [this.#honest.pid]])
    try {
      await eventually(async () => {
        const held = await this.victim.call('held')
        expect(Object.fromEntries(Object.entries(held).filter(([, count]) => count !== 0))).toEqual({})
      }, { deadline: AFTERMATH, interval: 50 })
    } catch (error) {
      throw blame(error, machine)
    }
    expect((await this.seen()).wrong).toEqual([])
  }
}

/**
 * Honest peers are served, and the node that serves them is not strained. How long things take, and how much memory
 * waits meanwhile, is judged where the machine had time for them.
 */
export function expectUnharmed (attack: Measured<unknown>, quiet: Measured<unknown>): void {
  const { probe, victim } = attack
  for (const kind of ['dials', 'streams'] as const) {
    const { tried, latencies, failures } = probe[kind]
    expect(latencies.length, `${kind} that succeeded of ${tried}, failures ${JSON.stringify(failures)}`).toBeGreaterThanOrEqual(tried * SERVED)
  }
  if (isBusy(attack, quiet)) return
  expect((victim.rssPeakMb - victim.rssStartMb) * 1e6, 'memory that the attack cost').toBeLessThanOrEqual(MEMORY)
  for (const kind of ['dials', 'streams'] as const) {
    const before = quantile(quiet.probe[kind].latencies, 0.99)
    expect(quantile(probe[kind].latencies, 0.99), `p99 of ${kind} in ms, before ${before.toFixed(0)}`).toBeLessThanOrEqual(Math.max(2 * before, P99))
  }
  expect(victim.loopP99Ms, 'p99 of the event loop of the victim, in ms').toBeLessThanOrEqual(LOOP.p99)
  expect(victim.loopMaxMs, 'the longest that the event loop of the victim was held up, in ms').toBeLessThanOrEqual(LOOP.max)
}

/** Whether the machine was too busy with something else for times and memory to be judged; says so where it was */
export function isBusy (...measured: ReadonlyArray<Measured<unknown>>): boolean {
  const reason = measured.map(({ machine }) => busyWith(machine)).find(text => text != null)
  if (reason == null) return false
  process.stderr.write(`\n${expect.getState().currentTestName}: times and memory were not judged, ${reason}\n`)
  return true
}

/** Says of an error whether the machine was busy with something else meanwhile */
function blame (error: unknown, machine: Machine): unknown {
  try {
    const reason = busyWith(machine.stop())
    return reason == null || !(error instanceof Error) ? error : new Error(`${error.message}; the machine was busy, ${reason}`, { cause: error })
  } catch {
    // one of the processes has ended, which is what the error is about
    return error
  }
}

/** So many addresses of loopback, from 127.<net>.0.1 on */
export function addresses (count: number, net: number): string[] {
  return Array.from({ length: count }, (_, index) => `127.${net}.${Math.floor(index / 250)}.${1 + index % 250}`)
}
