import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createConnectionGater } from '@cordon/connection-gater'
import { seededRandom } from '@cordon/testing'
import { LevelDatastore } from 'datastore-level'
import { describe, expect, it } from 'vitest'

const WRITER = fileURLToPath(new URL('fixtures/writer.ts', import.meta.url))

/** 200 with `CORDON_KILLS=200`, which takes minutes */
const KILLS = Number(process.env['CORDON_KILLS'] ?? 40)

/** Beside one another, each with a datastore of its own that lives through all of its kills */
const LANES = 4

/** The longest that a writer lives after its first rule is durable, in ms */
const LONGEST = 40

/** Lets a writer work, kills it in the middle, and returns what it had done */
async function kill (path: string, run: number, delay: number): Promise<string[]> {
  const log = `${path}.log`
  const child = spawn(process.execPath, ['--conditions=@cordon/source', WRITER, path, log, String(run)], { stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout.once('data', () => { setTimeout(() => child.kill('SIGKILL'), delay) })
  const [, signal] = await once(child, 'close') as [number | null, string | null]
  expect(signal).toBe('SIGKILL')
  return readFileSync(log, 'utf8').split('\n').slice(0, -1)
}

/** What has to be there, and what must not; what was being changed when it was killed may be either */
function expected (said: readonly string[]): Map<string, boolean | undefined> {
  const rules = new Map<string, boolean | undefined>()
  for (const line of said) {
    const [what = '', subject = ''] = line.split(' ')
    rules.set(subject, what === 'blocked' ? true : what === 'unblocked' ? false : undefined)
  }
  return rules
}

async function lane (number: number): Promise<number> {
  const random = seededRandom(number)
  const folder = mkdtempSync(join(tmpdir(), 'cordon-gater-'))
  const path = join(folder, 'store')
  const all = new Map<string, boolean | undefined>()
  let acknowledged = 0
  try {
    for (let run = 0; run < KILLS / LANES; run++) {
      for (const [subject, there] of expected(await kill(path, run, random.int(0, LONGEST)))) all.set(subject, there)
      const datastore = new LevelDatastore(path)
      await datastore.open()
      const broken: Error[] = []
      const gater = createConnectionGater({ datastore })
      gater.addEventListener('store:failed', ({ detail }) => { broken.push(detail.error) })
      await gater.start()
      const found = new Set([...gater.rules()].map(({ subject }) => subject))
      for (const [subject, there] of all) if (there !== undefined && found.has(subject) !== there) expect.fail(`run ${run}: ${subject} is ${there ? 'lost' : 'back'}`)
      for (const subject of found) if (!all.has(subject)) expect.fail(`run ${run}: ${subject} was never blocked`)
      expect(broken).toEqual([])
      acknowledged = [...all.values()].filter(there => there === true).length
      await gater.stop()
      await datastore.close()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return acknowledged
}

describe('a process that is killed while it writes', () => {
  it(`${KILLS} times has lost no rule that it had acknowledged, and no rule is back that was taken back`, async () => {
    const acknowledged = await Promise.all(Array.from({ length: LANES }, async (_, number) => lane(number)))
    for (const count of acknowledged) expect(count).toBeGreaterThan(KILLS / LANES)
  }, 600_000)
})
