import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const FIXTURE = fileURLToPath(new URL('./fixtures/bench.ts', import.meta.url))

interface Outcome {
  readonly code: number | null
  readonly quick: unknown
  /** Whether the process that the benchmark started is still there */
  readonly orphan: boolean
  readonly notes: string
}

/** Runs the fixture, and interrupts it, if asked to, once its own process runs */
async function run (args: readonly string[], interrupt?: NodeJS.Signals): Promise<Outcome> {
  const child = spawn(process.execPath, [FIXTURE, '--json', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'close')
  let notes = ''

  child.stderr.on('data', chunk => { notes += String(chunk) })

  const [line] = await once(createInterface(child.stdout), 'line') as [string]
  const { pid, quick } = JSON.parse(line) as { pid: number, quick: unknown }

  if (interrupt != null) {
    child.kill(interrupt)
  }

  const [code] = await exited as [number | null]

  return { code, quick, orphan: alive(pid), notes }
}

function alive (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('benchmark', () => {
  it('ends its processes and exits with 0', async () => {
    expect(await run(['--row', 'nothing'])).toEqual({ code: 0, quick: false, orphan: false, notes: '' })
  })

  it('passes --quick on', async () => {
    expect(await run(['--row', 'nothing', '--quick'])).toMatchObject({ code: 0, quick: true })
  })

  it('ends its processes and exits with 1 when it fails', async () => {
    const { code, orphan, notes } = await run(['--row', 'fail'])

    expect({ code, orphan }).toEqual({ code: 1, orphan: false })
    expect(notes).toContain('INVALID: Error: Error: cannot divide')
    expect(notes).toContain('[cause]: Error: it is zero')
  })

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('ends its processes, also busy ones, on %s', async signal => {
    expect(await run(['--row', 'spin'], signal)).toMatchObject({ code: 130, orphan: false })
  })

  it('ends its processes and exits with 1 when it takes too long', async () => {
    const { code, orphan, notes } = await run(['--row', 'spin'])

    expect({ code, orphan }).toEqual({ code: 1, orphan: false })
    expect(notes).toContain('INVALID: not done after 3 s')
  })
})
