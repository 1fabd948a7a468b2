import { spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'

/** Listens, says where, and never again does anything: what connects stays in a queue, and Linux has room there for one more than it is told */
const DEAF = `
  const server = require('node:net').createServer()
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
    require('node:fs').writeSync(1, String(server.address().port))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })
`

/** How many find room in its queue */
const FILLERS = 2

/** A port on which whoever connects is neither accepted nor refused: the first packet is never answered */
export interface DeafServer {
  readonly address: string
  stop (): Promise<void>
}

export async function deafServer (): Promise<DeafServer> {
  const child = spawn(process.execPath, ['-e', DEAF], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [data] = await once(child.stdout, 'data') as [Buffer]
  const port = Number(data.toString())
  const fillers = Array.from({ length: FILLERS }, () => net.connect({ host: '127.0.0.1', port }).on('error', () => { /* it is killed at the end */ }))
  await Promise.all(fillers.map(async filler => once(filler, 'connect')))
  return {
    address: `/ip4/127.0.0.1/tcp/${port}`,
    stop: async () => {
      for (const filler of fillers) filler.destroy()
      const closed = once(child, 'close')
      child.kill('SIGKILL')
      await closed
    }
  }
}
