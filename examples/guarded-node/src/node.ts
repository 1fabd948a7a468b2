import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { cordon } from '@cordon/cordon'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { createLibp2p } from 'libp2p'
import type { Registry } from '@cordon/interface-component-registry'
import type { ConnectionGater } from '@cordon/interface-connection-gater'
import type { ConnectionLifecycle } from '@cordon/interface-connection-lifecycle'
import type { ResourceManager } from '@cordon/interface-resource-manager'
import type { Libp2p } from 'libp2p'

/** The node of this example, as far as the example uses it */
export type GuardedNode = Libp2p<{ lifecycle: ConnectionLifecycle, registry: Registry, gater: ConnectionGater, resourceManager: ResourceManager }>

/** The node that is guarded: the usual options of libp2p, wrapped in `cordon()` */
export async function guardedNode (listen: string[]): Promise<GuardedNode> {
  return createLibp2p(cordon({
    addresses: { listen },
    transports: [tcp(), webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify(), ping: ping() }
  }))
}
