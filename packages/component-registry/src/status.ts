import { WEBSOCKETS } from './outbound-websocket.ts'
import type { TransportState } from './wiring.ts'
import type { TransportStatus } from '@cordon/interface-component-registry'
import type { Transport } from '@libp2p/interface'

/** What every connection gets, whichever way it comes */
const ENFORCED = ['records', 'deadlines', 'streams']

/** What comes over these has no address of its own that could be asked about earlier */
const WITHOUT_SOCKETS: ReadonlySet<string> = new Set(['@libp2p/memory', '@libp2p/circuit-relay-v2-transport', '@libp2p/webrtc'])

/** What holds for each transport, and what does not; `strangers` are those that were not composed */
export function transportStatus (transports: readonly TransportState[], strangers: readonly Transport[], boundsWindows: boolean): TransportStatus[] {
  const ours = transports.map(({ tag, guardsSockets, bringsMuxer, unreturned, asksBlockList, asksOnArrival }): TransportStatus => {
    const enforced = [...ENFORCED]
    const gaps: string[] = []

    if (asksOnArrival === true) {
      enforced.push('arrivals')
    } else if (asksOnArrival === false) {
      gaps.push('it makes no connection of a socket at once, so participants are asked about the connection and not about the socket')
    }

    if (guardsSockets) {
      enforced.push('sockets')
    }

    if (boundsWindows && !bringsMuxer) {
      enforced.push('windows')
    } else {
      gaps.push(bringsMuxer
        ? 'it brings a muxer of its own, whose stream windows are not bounded'
        : 'the stream windows of the muxer are not bounded by its read buffer')
    }

    if (asksBlockList === true) {
      enforced.push('addresses')
    } else if (asksBlockList === false && !WITHOUT_SOCKETS.has(tag)) {
      gaps.push('rules about addresses are asked once it has accepted a connection, not before')
    }

    if (tag === WEBSOCKETS) {
      gaps.push('after a failed upgrade, an outbound socket stays until the remote closes it or the process ends')
    }

    return { transport: tag, enforced, gaps, unreturned }
  })

  return [
    ...ours,
    ...strangers.map(transport => ({
      transport: transport[Symbol.toStringTag],
      enforced: [],
      gaps: ['it was added to the options after they were composed, so its connections have no records'],
      unreturned: 0
    }))
  ]
}
