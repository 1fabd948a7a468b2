import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const FOLDER = fileURLToPath(new URL('../go', import.meta.url))

/** What the Go program says of one table */
export interface GoResult {
  readonly p50Ns: number
  readonly p99Ns: number
  readonly bytes: number
  readonly loadMs: number
  readonly found: number
}

/** Builds the Go program into a folder; absent where there is no Go */
export function buildGo (folder: string): string | undefined {
  if (spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0) return undefined
  const binary = join(folder, 'bench')
  execFileSync('go', ['test', '-c', '-o', binary, '.'], { cwd: FOLDER, stdio: ['ignore', 'ignore', 'inherit'] })
  return binary
}

/**
 * Looks up addresses in a table of prefixes; both are files with one a line.
 *
 * @throws {Error} when it prints no result
 */
export function runGo (binary: string, prefixes: string, addresses: string): GoResult {
  const output = execFileSync(binary, ['-test.run', 'TestLookup', '-test.cpu', '1', '-test.v'], { encoding: 'utf8', env: { ...process.env, GATER_PREFIXES: prefixes, GATER_ADDRESSES: addresses } })
  const line = output.split('\n').find(line => line.startsWith('RESULT '))
  if (line === undefined) throw new Error(`the Go program printed no result:\n${output}`)
  return JSON.parse(line.slice(7)) as GoResult
}
