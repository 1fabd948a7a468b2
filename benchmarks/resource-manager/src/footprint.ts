import { peerNames } from '@cordon/bench-resource-manager-replay/peers'
import { LOOPBACK, make, must, serviceStream } from './operations.ts'

const PEERS = 10_000
const STREAMS_PER_PEER = 4

/** Heap that stays, in bytes */
export interface Footprint {
  /** Of a peer with its connection */
  readonly peer: number
  /** Of each of its streams */
  readonly stream: number
}

/** As in the Go program: the names of the peers are there before, and are not counted */
export function footprint (): Footprint {
  const names = peerNames(PEERS)
  const manager = make(undefined)
  const empty = heap()
  const held: unknown[] = names.map(name => {
    const connection = must(manager.openConnection('inbound', LOOPBACK))
    connection.setPeer(name)
    return connection
  })
  const connected = heap()
  for (const name of names) {
    for (let i = 0; i < STREAMS_PER_PEER; i++) held.push(serviceStream(manager, name))
  }
  const full = heap()
  if (held.length !== PEERS * (1 + STREAMS_PER_PEER)) throw new Error('something is missing')
  return { peer: (connected - empty) / PEERS, stream: (full - connected) / (PEERS * STREAMS_PER_PEER) }
}

function heap (): number {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}
