import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** What a benchmark printed, line by line, and how it ended */
export interface Smoke {
  readonly code: number
  readonly rows: ReadonlyArray<Readonly<Record<string, unknown>>>
  /** What it said beside the rows */
  readonly notes: string
}

/** Long for a quick run, short for a test that hangs, in ms */
const TIMEOUT = 110_000

/** Runs a benchmark with `--json --quick`, of the sources, so that a test needs no build */
export async function smoke (index: URL): Promise<Smoke> {
  const args = ['--conditions=@cordon/source', fileURLToPath(index), '--json', '--quick']
  const { promise, resolve } = Promise.withResolvers<Smoke>()
  const child = execFile(process.execPath, args, { timeout: TIMEOUT }, (_error, stdout, stderr) => {
    const rows = stdout.split('\n').filter(line => line !== '').map(line => JSON.parse(line) as Record<string, unknown>)

    resolve({ code: child.exitCode ?? -1, rows, notes: stderr })
  })

  return promise
}
