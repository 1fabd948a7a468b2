import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const FOLDER = fileURLToPath(new URL('../go', import.meta.url))

/** What one benchmark of the Go program says */
export interface GoResult {
  readonly ns: number
  readonly bytes: number
  /** Values that it reports itself, by unit */
  readonly metrics: Readonly<Record<string, number>>
}

/** Builds the Go program, which is removed when this process ends; absent where there is no Go */
export function buildGo (): string | undefined {
  if (spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'cordon-rcmgr-'))
  process.on('exit', () => { rmSync(folder, { recursive: true, force: true }) })
  const binary = join(folder, 'bench')
  execFileSync('go', ['test', '-c', '-o', binary, '.'], { cwd: FOLDER, stdio: ['ignore', 'ignore', 'inherit'] })
  return binary
}

/**
 * Runs one benchmark on one thread.
 *
 * @param name - such as `Lifecycle/nometrics`
 * @param time - how long, or how often (`1x`)
 * @throws {Error} when it prints no result
 */
export function runGo (binary: string, name: string, time: string): GoResult {
  const pattern = name.split('/').map((part, index) => `^${index === 0 ? 'Benchmark' : ''}${part}$`).join('/')
  const output = execFileSync(binary, ['-test.run', '^$', '-test.bench', pattern, '-test.benchmem', '-test.cpu', '1', '-test.benchtime', time], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  const line = output.split('\n').find(line => line.startsWith('Benchmark') && line.includes('ns/op'))
  if (line == null) throw new Error(`${name} printed no result:\n${output}`)
  const metrics = Object.fromEntries([...line.matchAll(/([\d.e+]+) (\S+)/g)].map(([, value, unit]) => [unit ?? '', Number(value)]))
  return { ns: metrics['ns/op'] ?? NaN, bytes: metrics['B/op'] ?? NaN, metrics }
}
