import { spawnExample } from '../../examples/guarded-node/test/spawned.ts'
import type { Row } from '../../examples/guarded-node/src/ledger.ts'
import type { Spawned } from '../../examples/guarded-node/test/spawned.ts'
import type { BrowserCommand } from 'vitest/node'

/** What the example was like when it ended */
export interface Ended {
  readonly code: number | null
  readonly errors: string
  /** Its last count of connections that had gone */
  readonly total: Row
}

declare module 'vitest/browser' {
  interface BrowserCommands {
    /** Starts the example without visitors; answers with the multiaddr of its WebSocket listener */
    startExample: () => Promise<string>

    /** Waits until the connections of the example have gone, then stops it */
    stopExample: () => Promise<Ended>
  }
}

/** By browser session; each ends with its test, or at the latest with this process, whose channel it watches */
const running = new Map<string, Spawned>()

const startExample: BrowserCommand = async ({ sessionId }): Promise<string> => {
  // a page that is loaded anew starts over
  running.get(sessionId)?.child.kill('SIGKILL')
  const example = spawnExample('--no-visitors', '--json')
  running.set(sessionId, example)
  const { multiaddrs } = JSON.parse(await example.line(/"listening"/)) as { multiaddrs: string[] }
  return multiaddrs.find(each => each.includes('/ws/')) ?? 'no WebSocket address'
}

const stopExample: BrowserCommand = async ({ sessionId }): Promise<Ended> => {
  const example = running.get(sessionId)
  if (example == null) throw new Error('the example was not started')
  running.delete(sessionId)
  try {
    const { total } = JSON.parse(await example.line(/"ready":0,"left":[1-9]/)) as { total: Row }
    example.child.kill('SIGINT')
    const { code, errors } = await example.exit
    return { code, errors, total }
  } finally {
    example.child.kill('SIGKILL')
  }
}

/** What the browser asks of Node in this folder's test */
export const commands: Record<string, BrowserCommand> = { startExample, stopExample }
