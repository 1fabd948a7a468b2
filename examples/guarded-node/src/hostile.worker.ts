// The hostile visitors. One opens sockets and stays silent, a few a second and now and then very many at once, below
// the WebSocket listener too; one sends bytes that are no handshake; one finishes its handshake and is greedy.

import { parentPort, workerData } from 'node:worker_threads'
import { hostilePeer } from '@cordon/testing/node'
import { greedyVisitor } from './greedy.ts'
import type { Assignment, Message, Origin } from './visitors.ts'
import type { HostileKind, HostilePeer } from '@cordon/testing/node'

/** In ms */
const INTERVAL = 1_000

/** How often each does what it does in one second */
const STALLS = 4
const SILENT_WEBSOCKETS = 1
const GARBAGE = 2

/** Every so many seconds the one that stalls sends a crowd, which is more than one group may hold (32) */
const CROWD_EVERY = 5
const CROWD = 40

/** A node that lets them all live is not to be made to run out of sockets by its own example */
const MAX_LIVE = 200

const { target, origins: [stalls, garbage, greedy] } = workerData as Assignment

function hostile (kind: HostileKind, origin: Origin | undefined, transport: 'tcp' | 'ws'): HostilePeer {
  const port = transport === 'tcp' ? target.tcpPort : target.wsPort
  return hostilePeer({ kind, transport, port, httpUpgrade: false, localAddress: origin?.address })
}

const silent = hostile('b', stalls, 'tcp')
const silentWebSocket = hostile('b', stalls, 'ws')
const babbling = hostile('c1', garbage, 'tcp')
const grabbing = await greedyVisitor(greedy ?? { transport: 'tcp' }, target)

let round = 0

function strike (): void {
  const stalled = round++ % CROWD_EVERY === 0 ? CROWD : STALLS
  if (silent.live < MAX_LIVE) void silent.strike(stalled)
  if (silentWebSocket.live < MAX_LIVE) void silentWebSocket.strike(SILENT_WEBSOCKETS)
  if (babbling.live < MAX_LIVE) void babbling.strike(GARBAGE)
  void grabbing.grab()
}

strike()
setInterval(strike, INTERVAL)
// the first two prove nothing
parentPort?.postMessage({ type: 'ready', peers: [undefined, undefined, grabbing.peer] } satisfies Message)
