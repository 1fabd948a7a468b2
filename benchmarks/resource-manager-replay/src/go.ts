import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The Go program: go-libp2p's resource manager, from the published module */
const FOLDER = fileURLToPath(new URL('../../resource-manager/go', import.meta.url))

/** Whether Go is there at all */
export function hasGo (): boolean {
  return spawnSync('go', ['version'], { stdio: 'ignore' }).status === 0
}

/**
 * The lines that the Go program prints for these seeds, two for each.
 *
 * @throws {Error} when it cannot be built or fails; what it said is in the message
 */
export function goLines (seeds: readonly number[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-replay-'))
  try {
    const binary = join(folder, 'replay')
    execFileSync('go', ['test', '-c', '-o', binary, '.'], { cwd: FOLDER, stdio: ['ignore', 'ignore', 'pipe'] })
    const output = execFileSync(binary, ['-test.run', '^TestReplayFingerprint$'], { cwd: FOLDER, encoding: 'utf8', env: { ...process.env, REPLAY_SEEDS: seeds.join() }, maxBuffer: 2 ** 28 })
    return output.split('\n').filter(line => line.startsWith('{'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}
