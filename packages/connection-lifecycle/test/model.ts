import type { CloseCode, Direction, HandshakePhase } from '@cordon/interface-connection-lifecycle'

export type Kind = 'hangs' | 'resolves' | 'rejects' | 'silent' | 'throws'
export type Step = 'opened' | 'raw' | 'identified' | 'secured' | 'ready' | 'streamOpened' | 'streamNegotiated'

/** What the next participant that comes to this step does */
export interface Plan {
  readonly who: number
  readonly step: Step
  readonly how: 'refuses' | 'throws' | 'promises'
}

/** Bounds and durations of the model, small enough to be met often */
export interface ModelInit {
  readonly max: number
  readonly perGroup: number
  readonly outbound: number
  readonly encrypt: number
  readonly multiplex: number
  readonly handshake: number
  readonly total: number
  readonly closeTimeout: number
  readonly readiness: boolean
  /** How many participants, and how many of them are gates */
  readonly count: number
  readonly gates: number
}

/** A connection as the reference model sees it */
export interface Model {
  readonly number: number
  readonly direction: Direction
  readonly group: string
  readonly openedAt: number
  readonly kind: Kind
  state: 'new' | 'handshaking' | 'ready' | 'closed'
  phase: HandshakePhase | undefined
  phaseDue: number
  totalDue: number
  closeDue: number
  peer: number | undefined
  code: CloseCode | undefined
  by: 'local' | 'remote' | undefined
  passed: number
  announced: boolean
  handshaken: boolean
  released: boolean
  intent: 'local-close' | 'local-abort' | undefined
  rawEnded: boolean
  /** libp2p has made something of it */
  appeared: boolean
  /** Everybody was asked about it */
  accounted: boolean
  /** What is told of it, in order */
  events: string[]
  /** Which participants were told of the end, in order */
  closedBy: number[]
}

/**
 * The reference: one list of connections and no index, everything looked up by going through all of them. It
 * follows docs/lifecycle.md word by word and shares nothing with the implementation.
 */
export class Reference {
  readonly init: ModelInit
  connections: Model[] = []
  /** Closed in order, but not ended; in the order in which they were closed */
  held: Model[] = []
  now: number
  plan: Plan | undefined
  opened = 0
  readied = 0
  refusals = 0
  faults = 0

  constructor (init: ModelInit, now: number) {
    this.init = init
    this.now = now
  }

  handshaking (direction: Direction): Model[] {
    return this.connections.filter(c => c.state === 'handshaking' && c.direction === direction)
  }

  open (group: string, direction: Direction, kind: Kind): Model {
    const c: Model = {
      number: this.opened++, direction, group, kind, openedAt: this.now,
      state: 'new', phase: undefined, phaseDue: Infinity, totalDue: Infinity, closeDue: Infinity, peer: undefined,
      code: undefined, by: undefined, passed: 0, announced: false, handshaken: false, released: false,
      intent: undefined, rawEnded: false, appeared: false, accounted: false, events: [], closedBy: []
    }
    this.connections.push(c)
    if (!this.#ask(c, 'opened', 0, this.init.gates)) return c
    if (direction === 'outbound' && this.handshaking('outbound').length >= this.init.outbound) {
      this.refusals++
      this.#refuse(c)
      return c
    }
    if (direction === 'inbound') this.#makeRoom(group)
    c.state = 'handshaking'
    this.#enter(c, 'encrypt', this.init.encrypt)
    c.totalDue = c.openedAt + this.init.total
    return c
  }

  appeared (c: Model): void {
    if (c.state === 'closed') this.#cut(c)
    c.appeared = true
    if (c.state !== 'closed') this.#show(c, 0)
  }

  account (c: Model): void {
    if (c.state === 'closed') {
      this.#cut(c)
      return
    }
    if (!this.#ask(c, 'opened', this.init.gates, this.init.count)) return
    c.accounted = true
    if (c.appeared) this.#show(c, this.init.gates)
  }

  /** What was asked about and has appeared is shown, and announced once that is everybody */
  #show (c: Model, from: number): void {
    if (!this.#ask(c, 'raw', from, c.accounted ? this.init.count : this.init.gates) || !c.accounted) return
    c.announced = true
    c.events.push('connection:opened')
  }

  refuse (c: Model): void {
    if (c.state === 'closed') return
    this.refusals++
    this.#refuse(c)
  }

  identified (c: Model, peer: number): void {
    if (c.state === 'closed' || c.peer != null) return
    c.peer = peer
    if (c.state === 'handshaking') this.#enter(c, 'multiplex', this.init.multiplex)
    if (this.#ask(c, 'identified', 0, this.init.count) && c.announced) c.events.push('connection:identified')
  }

  secured (c: Model): void {
    if (c.state !== 'closed') this.#ask(c, 'secured', 0, this.init.count)
  }

  upgraded (c: Model, open: boolean, peer: number): void {
    if (c.state === 'closed' || !open || c.state === 'ready' || c.phase === 'handshake') return
    if (c.peer == null) {
      this.identified(c, peer)
      // the identification may have been refused
      if ((c.state as string) === 'closed') return
    }
    if (!this.init.readiness || c.handshaken) this.#ready(c)
    else this.#enter(c, 'handshake', this.init.handshake)
  }

  /** Whether it throws */
  handshakeSucceeded (c: Model): boolean {
    if (c.state !== 'handshaking') return true
    if (c.phase === 'handshake') this.#ready(c)
    else c.handshaken = true
    return false
  }

  handshakeFailed (c: Model): void {
    if (c.state === 'closed') return
    if (c.announced) c.events.push('handshake:failed')
    this.close(c, 'handshake-failed')
  }

  close (c: Model, code: CloseCode): void {
    if (c.state === 'closed') return
    const gentle = c.state !== 'new'
    this.#end(c, code, 'local')
    if (!gentle || c.kind === 'throws') this.#cut(c)
    else if (c.kind === 'resolves') this.#gone(c)
    else {
      c.closeDue = this.now + this.init.closeTimeout
      if (c.direction === 'inbound' && code !== 'shutdown') this.#hold(c)
    }
  }

  /** As `close`, and nothing of it is left, even if it was closed before */
  abort (c: Model, code: CloseCode): void {
    if (c.state !== 'closed') this.#end(c, code, 'local')
    this.#cut(c)
  }

  /** What was promised has happened */
  settle (): void {
    for (const c of this.connections) {
      if (c.state === 'closed' && !c.released && (c.kind === 'rejects' || c.kind === 'silent')) this.#cut(c)
    }
  }

  lost (c: Model, local: boolean, error: boolean): void {
    if (c.state === 'closed') {
      this.#cut(c)
      return
    }
    if (c.intent != null) this.#end(c, c.intent, 'local')
    else if (local) this.#end(c, error ? 'local-abort' : 'local-close', 'local')
    else this.#end(c, error ? 'remote-reset' : 'remote-close', 'remote')
    this.#cut(c)
  }

  closing (c: Model, how: 'local-close' | 'local-abort'): void {
    if (c.state !== 'closed' && c.intent !== 'local-abort') c.intent = c.intent == null ? how : (how === 'local-abort' ? how : c.intent)
  }

  upgradeFailed (c: Model): void {
    if (c.state !== 'closed') this.#end(c, 'upgrade-failed', c.intent == null && c.rawEnded ? 'remote' : 'local')
    this.#cut(c)
  }

  shed (direction: Direction): Model | undefined {
    const victim = oldestOfLargest(this.handshaking(direction).filter(c => c.peer == null))
    if (victim != null) this.#crowd(victim)
    return victim
  }

  /** Time goes on; what is due goes, the earliest first and of one record only once */
  advance (ms: number): void {
    this.now += ms
    for (;;) {
      const due = this.connections
        .filter(c => Math.min(c.phaseDue, c.totalDue, c.closeDue) <= this.now)
        .sort((a, b) => Math.min(a.phaseDue, a.totalDue, a.closeDue) - Math.min(b.phaseDue, b.totalDue, b.closeDue))[0]
      if (due == null) return
      if (due.state === 'closed') {
        this.#cut(due)
      } else {
        this.#end(due, 'deadline', 'local')
        this.#cut(due)
      }
    }
  }

  shutdown (): void {
    for (const c of this.connections) this.close(c, 'shutdown')
  }

  #ready (c: Model): void {
    c.state = 'ready'
    this.#leave(c)
    if (!this.#ask(c, 'ready', 0, this.init.count)) return
    this.readied++
    if (c.announced) c.events.push('connection:ready')
  }

  /** As many may be closing in order as may be handshaking */
  #hold (c: Model): void {
    this.held = this.held.filter(other => !other.released)
    const inGroup = this.held.filter(({ group }) => group === c.group)
    const victim = inGroup.length >= this.init.perGroup
      ? inGroup[0]
      : this.held.length >= this.init.max ? oldestOfLargest(this.held) : undefined
    if (victim != null) this.#cut(victim)
    this.held.push(c)
  }

  #makeRoom (group: string): void {
    for (;;) {
      const all = this.handshaking('inbound')
      const inGroup = all.filter(c => c.group === group)
      const victim = inGroup.length >= this.init.perGroup
        ? inGroup[0]
        : all.length >= this.init.max ? oldestOfLargest(all) : undefined
      if (victim == null) return
      this.#crowd(victim)
    }
  }

  #crowd (c: Model): void {
    this.#end(c, 'crowded', 'local')
    this.#cut(c)
  }

  #refuse (c: Model): void {
    this.#end(c, 'refused', 'local')
    this.#cut(c)
  }

  /** Asks the participants; answers whether it goes on */
  #ask (c: Model, step: Step, from: number, to: number): boolean {
    for (let i = from; i < to; i++) {
      const plan = this.plan
      const applies = plan?.step === step && plan.who === i
      if (applies) this.plan = undefined
      if (step === 'opened' && !(applies && plan.how === 'refuses')) c.passed = i + 1
      if (!applies) continue
      this.refusals++
      // a step without a say has no business refusing
      if (plan.how !== 'refuses' || step === 'raw' || step === 'secured') this.faults++
      this.#refuse(c)
      return false
    }
    return true
  }

  #enter (c: Model, phase: HandshakePhase, duration: number): void {
    c.phase = phase
    c.phaseDue = this.now + duration
  }

  #leave (c: Model): void {
    c.phase = undefined
    c.phaseDue = c.totalDue = Infinity
  }

  #end (c: Model, code: CloseCode, by: 'local' | 'remote'): void {
    c.state = 'closed'
    c.code = code
    c.by = by
    this.#leave(c)
  }

  #cut (c: Model): void {
    this.#gone(c)
  }

  #gone (c: Model): void {
    if (c.released) return
    c.released = true
    c.rawEnded = true
    c.closeDue = Infinity
    for (let i = c.passed - 1; i >= 0; i--) c.closedBy.push(i)
    if (c.code === 'refused' || (c.code === 'crowded' && !c.announced)) c.events.push('connection:refused')
    if (c.announced) c.events.push('connection:closed')
  }
}

function oldestOfLargest (all: readonly Model[]): Model | undefined {
  const sizeOf = (c: Model): number => Math.max(2, all.filter(other => other.group === c.group).length)
  const largest = Math.max(...all.map(sizeOf))
  return all.find(c => sizeOf(c) === largest)
}
