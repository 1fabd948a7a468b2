import { connect } from 'node:net'
import { serve } from '@cordon/bench-harness'

export interface Hammer {
  readonly port: number
  /** How many connect at the same time, each from its own loopback address */
  readonly clients: number
  /** The number of the first of these addresses; processes must not share them */
  readonly firstAddress: number
  readonly seconds: number
}

const procedures = {
  /** Connects, waits to be refused, and connects again; resolves with how many connections ended */
  async hammer ({ port, clients, firstAddress, seconds }: Hammer): Promise<number> {
    const until = performance.now() + seconds * 1_000
    let ended = 0

    await Promise.all(Array.from({ length: clients }, async (_, i) => {
      // 127.1.0.0/24: ports of one address would run out while they wait in TIME_WAIT
      const localAddress = `127.1.0.${firstAddress + i + 1}`

      while (performance.now() < until) {
        await refusedOnce(port, localAddress, until)
        ended++
      }
    }))

    return ended
  }
}

/** How long after the end a client waits for a victim that does not refuse, in ms */
const GRACE = 2_000

async function refusedOnce (port: number, localAddress: string, until: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, localAddress })
    const timer = setTimeout(() => {
      socket.destroy()
      reject(new Error('the victim keeps a connection open that it should refuse'))
    }, until - performance.now() + GRACE)

    socket.on('error', (error: NodeJS.ErrnoException) => {
      // a reset is what a refusal looks like; anything else (no ports left, nobody listens) ends the benchmark
      if (error.code !== 'ECONNRESET') {
        clearTimeout(timer)
        reject(error)
      }
    })
    socket.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
    socket.resume()
  })
}

export type Clients = typeof procedures

serve(procedures)
