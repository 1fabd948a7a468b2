import { connectionGaterSymbol, isConnectionGater } from '@cordon/interface-connection-gater'
import { participantSymbol } from '@cordon/interface-connection-lifecycle'
import type { Registry } from '@cordon/interface-component-registry'
import type { ConnectionGater } from '@cordon/interface-connection-gater'
import type { ConnectionRecord, Participant, ParticipantModule, StreamRecord } from '@cordon/interface-connection-lifecycle'
import type { Startable } from '@libp2p/interface'

/** How many streams of one connection may wait for their protocol before each further one is struck for */
export const MUTE_STREAMS = 8

/** In points; four of them are a block */
export const WEIGHT = 25

/**
 * Strikes whoever opens streams and says nothing on them, by the peer that it has proven to be, and whoever ends before it
 * has proven to be anybody, by where it came from: as an application does that sees its peers misbehave.
 */
export class Judge implements ParticipantModule, Startable {
  readonly [participantSymbol]: Participant
  readonly #registry: Registry | undefined
  readonly #mute = new WeakMap<ConnectionRecord, number>()
  #gater: ConnectionGater | undefined

  /** How many strikes there were */
  readonly strikes = { peer: 0, place: 0 }

  constructor (registry: Registry | undefined) {
    this.#registry = registry
    this[participantSymbol] = {
      stage: 'observe',
      streamOpened: stream => {
        this.#count(stream, 1)
        return undefined
      },
      streamNegotiated: stream => {
        this.#count(stream, -1)
        return undefined
      },
      closed: ({ direction, address, remotePeer }) => {
        if (direction === 'inbound' && remotePeer === undefined) {
          this.strikes.place++
          this.#gater?.strike({ address }, WEIGHT, 'left before it was anybody')
        }
      }
    }
  }

  start (): void {
    this.#gater = this.#registry?.modulesWith(connectionGaterSymbol).find(isConnectionGater)
  }

  stop (): void {
    this.#gater = undefined
  }

  #count ({ connection, direction }: StreamRecord, by: 1 | -1): void {
    if (direction !== 'inbound') return
    const mute = (this.#mute.get(connection) ?? 0) + by
    this.#mute.set(connection, mute)
    const peer = connection.remotePeer?.toString()
    if (by < 0 || mute <= MUTE_STREAMS || peer === undefined) return
    this.strikes.peer++
    this.#gater?.strike({ peer }, WEIGHT, 'opens streams and says nothing')
  }
}
