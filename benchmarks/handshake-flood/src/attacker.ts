import { connect } from 'node:net'
import { every, serve } from '@cordon/bench-harness'
import type { Socket } from 'node:net'

export interface Attack {
  readonly host: string
  readonly port: number
  /** Where the sockets come from: each in turn */
  readonly sources: readonly string[]
  /** So many are opened in the first second, beside those of `rate` */
  readonly burst: number
  /** Sockets a second, whatever becomes of them */
  readonly rate: number
  /** The attacker closes its oldest socket before it holds more than this */
  readonly maxHeld: number
  readonly seconds: number
}

export interface AttackResult {
  /** Sockets that were opened in a second, on average */
  readonly perSecond: number
  /** How many got as far as a TCP connection */
  readonly connected: number
  /** The most that were connected at the same time */
  readonly heldPeak: number
  /** The most that one source had connected at the same time */
  readonly heldPeakPerSource: number
}

/** Sockets that are connected and silent; each leaves when it closes */
class Held {
  connected = 0
  peak = 0
  peakPerSource = 0
  readonly #sockets = new Set<Socket>()
  readonly #bySource = new Map<string, number>()

  open ({ host, port, maxHeld }: Attack, source: string): void {
    if (this.#sockets.size >= maxHeld) {
      this.#sockets.values().next().value?.destroy()
    }

    const socket = connect({ host, port, localAddress: source })

    socket.on('error', () => {})
    socket.once('connect', () => { this.#add(socket, source) })
    // sends nothing; reads only to notice when the victim ends it
    socket.resume()
  }

  closeAll (): void {
    for (const socket of this.#sockets) {
      socket.destroy()
    }
  }

  #add (socket: Socket, source: string): void {
    const count = (this.#bySource.get(source) ?? 0) + 1

    this.connected++
    this.#sockets.add(socket)
    this.#bySource.set(source, count)
    this.peak = Math.max(this.peak, this.#sockets.size)
    this.peakPerSource = Math.max(this.peakPerSource, count)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      this.#bySource.set(source, (this.#bySource.get(source) ?? 1) - 1)
    })
  }
}

const procedures = {
  async attack (attack: Attack): Promise<AttackResult> {
    const held = new Held()
    const startedAt = performance.now()
    const open = (index: number): void => { held.open(attack, attack.sources[index % attack.sources.length] ?? '127.0.0.1') }

    try {
      const [burst, steady] = await Promise.all([
        every(attack.burst, 1, open),
        every(attack.rate, attack.seconds, open)
      ])
      const seconds = (performance.now() - startedAt) / 1_000

      return {
        perSecond: (burst + steady) / Math.max(seconds, attack.seconds),
        connected: held.connected,
        heldPeak: held.peak,
        heldPeakPerSource: held.peakPerSource
      }
    } finally {
      held.closeAll()
    }
  }
}

export type Attacker = typeof procedures

serve(procedures)
