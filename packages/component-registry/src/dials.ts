import { normaliseAddress, peerOf } from '@cordon/address'
import { ConnectionRefusedError, WrongPeerError } from '@cordon/interface-connection-lifecycle'
import { isPeerId } from '@libp2p/interface'
import type { DialTarget, Refusal } from '@cordon/interface-connection-lifecycle'
import type { Connection, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** One dial of one address */
interface Dial {
  readonly multiaddr: Multiaddr
  readonly controller: AbortController
  refusal?: Refusal
}

/** Our dials that are under way, each with a signal of its own, so that a module can end those it has come to forbid */
export class Dials {
  /** No more than libp2p dials at once (`connectionManager.maxParallelDials`) */
  readonly #underWay = new Set<Dial>()

  get size (): number {
    return this.#underWay.size
  }

  /**
   * Runs one dial.
   *
   * @throws {ConnectionRefusedError} when it was ended by `end`
   */
  async run <T> (multiaddr: Multiaddr, signal: AbortSignal | undefined, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const dial: Dial = { multiaddr, controller: new AbortController() }
    const forward = (): void => { dial.controller.abort(signal?.reason) }
    signal?.addEventListener('abort', forward, { once: true })
    this.#underWay.add(dial)

    try {
      if (signal?.aborted === true) {
        forward()
      }

      return await task(dial.controller.signal)
    } catch (error) {
      throw dial.refusal == null ? error : new ConnectionRefusedError(dial.refusal)
    } finally {
      this.#underWay.delete(dial)
      signal?.removeEventListener('abort', forward)
    }
  }

  /** See `Registry.endDials` */
  end (judge: (target: DialTarget) => Refusal | undefined): number {
    let ended = 0

    // a copy: ending one may begin another
    for (const dial of [...this.#underWay]) {
      const { multiaddr, controller } = dial
      const refusal = controller.signal.aborted ? undefined : judge({ multiaddr, address: normaliseAddress(multiaddr) })

      if (refusal != null) {
        dial.refusal = refusal
        ended++
        controller.abort(new ConnectionRefusedError(refusal))
      }
    }

    return ended
  }
}

/**
 * The connection that a dial came to. Where the raw connection does not carry who was dialled, as with memory
 * connections, libp2p does not compare (3.3.11).
 *
 * @throws {WrongPeerError} when it is one to another peer than the target names; it is ended
 */
export function expectPeer (target: PeerId | Multiaddr[], connection: Connection): Connection {
  const actual = connection.remotePeer.toString()
  const expected = isPeerId(target) ? target.toString() : target[0] == null ? undefined : peerOf(target[0])

  if (expected != null && actual !== expected) {
    const error = new WrongPeerError(expected, actual)
    connection.abort(error)

    throw error
  }

  return connection
}
