import { MemoryDatastore } from 'datastore-core'
import { make } from './support.ts'
import type { CoreConnectionGater } from '@cordon/connection-gater'
import type { FakeClock } from '@cordon/testing'
import type { Batch, Key } from 'interface-datastore'

/** A datastore whose commits hang or fail as long as the test says so */
export class Unreliable extends MemoryDatastore {
  mode: 'works' | 'fails' | 'hangs' = 'works'
  /** `stops` hangs after the first entry */
  reading: 'works' | 'fails' | 'hangs' | 'stops' = 'works'
  commits = 0
  /** What hangs, oldest first; bounded by what the test does */
  readonly #hanging = { reading: [] as Array<() => void>, writing: [] as Array<() => void> }

  /** Lets what hangs go on */
  release (what: ReadonlyArray<'reading' | 'writing'> = ['reading', 'writing']): void {
    for (const one of what) for (const resume of this.#hanging[one].splice(0)) resume()
  }

  override batch (): Batch {
    const batch = super.batch()
    return {
      put: (key, value) => { batch.put(key, value) },
      delete: key => { batch.delete(key) },
      commit: async () => {
        this.commits++
        if (this.mode === 'fails') throw new Error('disk full')
        if (this.mode === 'hangs') await this.#hang('writing')
        await batch.commit()
      }
    }
  }

  override async * query (...args: Parameters<MemoryDatastore['query']>): AsyncGenerator<{ key: Key, value: Uint8Array }> {
    if (this.reading === 'fails') throw new Error('no disk')
    if (this.reading === 'hangs') await this.#hang('reading')
    for await (const pair of super.query(...args)) {
      yield pair
      if (this.reading === 'stops') await this.#hang('reading')
    }
  }

  async #hang (what: 'reading' | 'writing'): Promise<void> {
    await new Promise<void>(resolve => { this.#hanging[what].push(resolve) })
  }
}

export function errorsOf (gater: CoreConnectionGater): Error[] {
  const errors: Error[] = []
  gater.addEventListener('store:failed', ({ detail }) => { errors.push(detail.error) })
  return errors
}

/** Lets everything happen that needs no time of the clock */
export async function settle (): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve()
}

/** Waits for something that takes turns with everything else: a clock that stands still gives it none */
export async function taken<T> (clock: FakeClock, promise: Promise<T>): Promise<T> {
  const over = promise.then(() => true, () => true)
  while (!await Promise.race([over, new Promise<boolean>(resolve => setImmediate(resolve, false))])) clock.tick(0)
  return promise
}

export async function subjectsIn (datastore: MemoryDatastore): Promise<string[]> {
  const { gater } = make({ datastore })
  await gater.start()
  const subjects = [...gater.rules()].map(({ subject }) => subject)
  await gater.stop()
  return subjects
}
