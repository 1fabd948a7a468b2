import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { settle, Unreliable } from './store-support.ts'
import { make } from './support.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function used (): number {
  collect()
  return process.memoryUsage().heapUsed
}

describe('a datastore that hangs', () => {
  it('does not fill the memory with those who waited for it', async () => {
    const datastore = new Unreliable()
    const { gater, clock } = make({ datastore })
    await gater.start()
    datastore.mode = 'hangs'
    const round = async (): Promise<void> => {
      const blocks = Promise.allSettled(Array.from({ length: 20_000 }, async () => gater.block('1.2.3.4')))
      await settle()
      clock.tick(4_000)
      expect((await blocks).every(({ status }) => status === 'rejected')).toBe(true)
    }
    await round()
    const before = used()
    for (let i = 0; i < 5; i++) await round()
    // kept, they would be 80 MB
    expect(used() - before).toBeLessThan(10_000_000)
  })
})
