import { Meter, serve } from '@cordon/bench-harness'
import { createNode } from '@cordon/bench-harness/node'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import type { MeterReading } from '@cordon/bench-harness'
import type { Arm } from '@cordon/bench-harness/node'

const meter = new Meter()

const procedures = {
  /** Starts a node with nothing but defaults, and says where it listens */
  async listen (arm: Arm, host: string): Promise<string> {
    const node = await createNode(arm, {
      listen: host,
      options: { services: { identify: identify(), ping: ping() } }
    })
    const addr = node.getMultiaddrs()[0]

    if (addr == null) {
      throw new Error('the node does not listen')
    }

    return addr.toString()
  },

  begin (): void { meter.start() },

  end (): MeterReading { return meter.stop() }
}

export type Victim = typeof procedures

serve(procedures)
