import { eventually, within } from '../eventually.ts'
import type { Dialler } from './dialler.node.ts'
import type { Connection } from '@libp2p/interface'
import type { Libp2p } from 'libp2p'

/**
 * How a connection ends that was upgraded and answered a ping:
 *
 * - `d1` its socket is reset, `d2` its socket is destroyed, `d3` the dialler closes it in order
 * - `d4` the listening node aborts it, `d5` the listening node closes it in order
 */
export type UpgradedPhase = 'd1' | 'd2' | 'd3' | 'd4' | 'd5'

function victimsSide (victim: Libp2p | undefined, { node }: Dialler): Connection {
  const connection = victim?.getConnections(node.peerId)[0]
  if (connection == null) throw new Error('d4 and d5 need `victim`, a node that is connected')
  return connection
}

/** Connects for real, ends the connection as the phase says, and resolves when the dialler has seen it end */
export async function connectAndEnd (phase: UpgradedPhase, peer: Dialler, victim: Libp2p | undefined, deadline: number): Promise<void> {
  const connection = await peer.dial()
  // answered only by a side that has finished its part of the upgrade
  await peer.node.services.ping.ping(connection.remotePeer, { signal: AbortSignal.timeout(deadline) })
  switch (phase) {
    case 'd1': peer.cut('reset'); break
    case 'd2': peer.cut('destroy'); break
    case 'd3': await connection.close({ signal: AbortSignal.timeout(deadline) }); break
    case 'd4': victimsSide(victim, peer).abort(new Error('aborted by the test')); break
    case 'd5': await within(deadline, 'closing', victimsSide(victim, peer).close()); break
  }
  await eventually(() => connection.status !== 'open' && peer.live === 0, { deadline, interval: 2 })
}
