import { createServer } from 'node:net'
import { Meter, serve } from '@cordon/bench-harness'
import { participantSymbol } from '@cordon/interface-connection-lifecycle'
import type { MeterReading } from '@cordon/bench-harness'
import type { ParticipantModule } from '@cordon/interface-connection-lifecycle'
import type { AddressInfo } from 'node:net'

/** Who refuses: a plain server, libp2p's gater, or a participant of a composed node */
export type ShedArm = 'floor' | 'stock' | 'composed'

export interface Slice extends MeterReading {
  readonly refused: number
}

const HOST = '127.0.0.1'
const REFUSAL = { code: 'blocked', module: 'refuser', message: 'nobody may connect' } as const

let refused = 0
const meter = new Meter()

const procedures = {
  /** Starts to listen, and says on which port */
  listen: async (arm: ShedArm): Promise<number> => listeners[arm](),

  begin (): void {
    refused = 0
    meter.start()
  },

  end (): Slice {
    return { ...meter.stop(), refused }
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
