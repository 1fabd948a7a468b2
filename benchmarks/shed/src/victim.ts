import { createServer } from 'node:net'
import { Meter, serve } from '@cordon/bench-harness'
import { isConnectionGater } from '@cordon/interface-connection-gater'
import { isConnectionLifecycle, participantSymbol } from '@cordon/interface-connection-lifecycle'
import { resourceManager } from '@cordon/resource-manager'
import type { MeterReading } from '@cordon/bench-harness'
import type { ParticipantModule } from '@cordon/interface-connection-lifecycle'
import type { AddressInfo } from 'node:net'

/** Who refuses: a plain server, whatever stands right behind a transport, libp2p's gater, a participant of a composed node, its resource manager, or a rule of its gater before there is a socket */
export type ShedArm = 'floor' | 'wrap' | 'stock' | 'composed' | 'limited' | 'blocked'

export interface Slice extends MeterReading {
  readonly refused: number
}

/** What a node does not show */
interface Inside {
  readonly components: { readonly upgrader: { upgradeInbound: (connection: { abort: (error: Error) => void }) => Promise<void> } }
}

const HOST = '127.0.0.1'
const REFUSAL = { code: 'blocked', module: 'refuser', message: 'nobody may connect' } as const

/** Where the clients come from */
const CLIENTS = '127.1.0.0/24'

/** How many other ranges the node blocks, in a list */
const OTHERS = 10_000

let refused = 0
/** Brings `refused` up to date, where it is counted elsewhere */
let recount = (): void => {}
const meter = new Meter()

const procedures = {
  /** Starts to listen, and says on which port */
  listen: async (arm: ShedArm): Promise<number> => listeners[arm](),

  begin (): void {
    recount()
    refused = 0
    meter.start()
  },

  end (): Slice {
    const reading = meter.stop()
    recount()

    return { ...reading, refused }
  }
}

const listeners = {
  async floor (): Promise<number> {
    const server = createServer(socket => {
      refused++
      // a client that has gone already is not an error
      socket.on('error', () => {})
      socket.destroy()
    })

    await new Promise<void>(resolve => { server.listen(0, HOST, resolve) })

    return (server.address() as AddressInfo).port
  },

  async wrap (): Promise<number> {
    const { createNode } = await import('@cordon/bench-harness/node')
    const node = await createNode('bare', { listen: HOST })
    const { upgrader } = (node as unknown as Inside).components
    const error = new Error(REFUSAL.message)

    upgrader.upgradeInbound = connection => {
      refused++
      connection.abort(error)

      return Promise.resolve()
    }

    return portOf(node.getMultiaddrs().map(String))
  },

  async stock (): Promise<number> {
    const { createNode } = await import('@cordon/bench-harness/node')
    const node = await createNode('bare', {
      listen: HOST,
      options: {
        // so that it is the gater that refuses, and not these
        connectionManager: { inboundConnectionThreshold: Infinity, maxIncomingPendingConnections: Infinity },
        connectionGater: {
          denyInboundConnection: () => {
            refused++
            return true
          }
        }
      }
    })

    return portOf(node.getMultiaddrs().map(String))
  },

  async composed (): Promise<number> {
    const { createNode } = await import('@cordon/bench-harness/node')
    const refuser: ParticipantModule = {
      [participantSymbol]: {
        stage: 'gate',
        opened: () => {
          refused++
          return REFUSAL
        }
      }
    }
    const node = await createNode('composed', { listen: HOST }, { refuser: () => refuser })

    return portOf(node.getMultiaddrs().map(String))
  },

  async limited (): Promise<number> {
    const { createNode } = await import('@cordon/bench-harness/node')
    const node = await createNode('composed', { listen: HOST }, { resourceManager: resourceManager({ limits: { system: { connectionsInbound: 0 } } }) })
    const lifecycle = Object.values(node.services as Record<string, unknown>).find(isConnectionLifecycle)

    if (lifecycle == null) {
      throw new Error('the node has no lifecycle')
    }

    let before = 0

    recount = () => {
      const { resourceManager: now = 0 } = lifecycle.stats().refused
      refused += now - before
      before = now
    }

    return portOf(node.getMultiaddrs().map(String))
  },

  async blocked (): Promise<number> {
    const { createNode } = await import('@cordon/bench-harness/node')
    const node = await createNode('composed', { listen: HOST })
    const services = Object.values(node.services as Record<string, unknown>)
    const gater = services.find(isConnectionGater)
    const lifecycle = services.find(isConnectionLifecycle)

    if (gater == null || lifecycle == null) {
      throw new Error('the node has no gater, or no lifecycle')
    }

    await gater.block(CLIENTS)
    await gater.loadList('others', { content: Array.from({ length: OTHERS }, (_, i) => `10.${i >> 8}.${i & 255}.0/24\n`).join('') })

    let before = 0

    recount = () => {
      // what became a connection was refused too late, and does not count
      const { gater: late = 0 } = lifecycle.stats().refused
      const early = (gater.status().refusals.cidr ?? 0) - late
      refused += early - before
      before = early
    }

    return portOf(node.getMultiaddrs().map(String))
  }
}

function portOf (addrs: string[]): number {
  const port = /\/tcp\/(\d+)/.exec(addrs[0] ?? '')?.[1]

  if (port == null) {
    throw new Error(`the node does not listen on TCP: ${addrs.join(', ')}`)
  }

  return Number(port)
}

export type Victim = typeof procedures

serve(procedures)
