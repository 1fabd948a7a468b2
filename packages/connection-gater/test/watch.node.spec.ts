import { mkdtempSync, readdirSync, readlinkSync, renameSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { watchList } from '@cordon/connection-gater'
import { eventually } from '@cordon/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { from, lets, make } from './support.ts'
import type { WatchedList, WatchOptions } from '@cordon/connection-gater'
import type { ConnectionGater, ListLoadError, ListSource } from '@cordon/interface-connection-gater'
import type { FakeClock } from '@cordon/testing'

const INTERVAL = 5_000

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cordon-gater-'))
  path = join(folder, 'list')
})

afterEach(() => { rmSync(folder, { recursive: true, force: true }) })

/** When files were last written to, in s; each is another one */
let written = 1_000_000

/** Writes in place, so long ago that nobody is at it any more */
function write (content: string): void {
  writeFileSync(path, content)
  utimesSync(path, ++written, written)
}

/** Writes in place, a moment ago */
function begin (content: string): void {
  writeFileSync(path, content)
  // in the future, so that the machine can be as slow as it likes
  utimesSync(path, 9_000_000_000 + ++written, 9_000_000_000 + written)
}

/** How often this process has the file open */
function open (): number {
  return readdirSync('/proc/self/fd').filter(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(path)
    } catch {
      return false
    }
  }).length
}

class Watch {
  readonly gater: ConnectionGater
  readonly clock: FakeClock
  readonly errors: ListLoadError[] = []
  /** How often a list was read, or begun to be */
  loads = 0
  /** How many of them are over */
  ended = 0
  /** Awaited after each piece of a file that is read */
  onPiece: () => void | Promise<void> = () => {}
  readonly #through: ConnectionGater

  constructor () {
    const { gater, clock } = make()
    this.gater = gater
    this.clock = clock
    this.#through = Object.create(gater, { loadList: { value: async (name: string, source: ListSource) => this.#load(name, source) } }) as ConnectionGater
  }

  async start (options: WatchOptions = {}): Promise<WatchedList> {
    return watchList(this.#through, 'feed', path, { interval: INTERVAL, clock: this.clock, onError: error => { this.errors.push(error) }, ...options })
  }

  /** Lets the next look happen, and waits until it is over */
  async look (): Promise<void> {
    expect(this.clock.pending).toBe(1)
    this.clock.tick(INTERVAL)
    await eventually(() => this.clock.pending === 1)
  }

  /** The addresses of these that are blocked */
  blocked (...addresses: string[]): string[] {
    return addresses.filter(address => this.gater.verdict(from(address)).decision === 'block')
  }

  async #load (name: string, { content, ...rest }: ListSource): Promise<unknown> {
    const pieces = content as AsyncIterable<Uint8Array>
    const onPiece = async (): Promise<void> => { await this.onPiece() }
    this.loads++
    const read = async function * (): AsyncGenerator<Uint8Array> {
      for await (const piece of pieces) {
        yield piece
        await onPiece()
      }
    }
    return this.gater.loadList(name, { ...rest, content: read() }).finally(() => { this.ended++ })
  }
}

/** A list that takes several pieces to read */
const LONG = Array.from({ length: 20_000 }, (_, i) => `10.${i >> 8}.${i & 255}.1`).join('\n')

describe('a watched file', () => {
  it('is loaded at once, and anew when another is put in its place', async () => {
    write('1.0.0.1\n')
    const watch = new Watch()
    const list = await watch.start()
    expect(list.report).toMatchObject({ name: 'feed', rules: 1 })
    await watch.look()
    expect(watch.loads).toBe(1)

    const old = path
    path = join(folder, 'new')
    write('1.0.0.2\n1.0.0.3\n')
    renameSync(path, old)
    path = old
    await watch.look()
    expect(watch.blocked('1.0.0.1', '1.0.0.2', '1.0.0.3')).toEqual(['1.0.0.2', '1.0.0.3'])
    expect([list.report?.rules, list.error, watch.errors]).toEqual([2, undefined, []])
    list.stop()
    expect(watch.clock.pending).toBe(0)
  })

  it('is loaded anew when it was written to in place, also where it is as long as before', async () => {
    write('1.0.0.1\n')
    const watch = new Watch()
    const list = await watch.start({ direction: 'inbound', reason: 'feed of today' })
    write('1.0.0.2\n')
    await watch.look()
    expect([...watch.gater.rules()]).toMatchObject([{ subject: '1.0.0.2/32', direction: 'inbound', reason: 'feed of today', list: 'feed' }])
    list[Symbol.dispose]()
    expect(watch.clock.pending).toBe(0)
  })

  it('is left alone while it is being written to, and nothing of half of it comes into force', async () => {
    write('1.0.0.1\n')
    const watch = new Watch()
    using list = await watch.start()
    begin('1.0.0.2\n1.0.0')
    await watch.look()
    begin('1.0.0.2\n1.0.0.3')
    await watch.look()
    expect([watch.loads, watch.blocked('1.0.0.1', '1.0.0.2', '1.0.0.3')]).toEqual([1, ['1.0.0.1']])
    expect(list.error?.message).toBe('the list feed was not loaded: it is still being written to')

    await watch.look()
    expect(watch.blocked('1.0.0.1', '1.0.0.2', '1.0.0.3')).toEqual(['1.0.0.2', '1.0.0.3'])
    expect([list.error, watch.errors.length]).toEqual([undefined, 1])
  })

  it.each([
    ['truncated', () => { truncateSync(path) }],
    ['written to', () => { writeFileSync(path, '9.9.9.9\n', { flag: 'a' }) }],
    ['replaced', () => { rmSync(path); write('9.9.9.9\n') }],
    ['deleted', () => { rmSync(path) }]
  ])('that is %s while it is read keeps its old rules', async (_, change) => {
    write('1.0.0.1\n')
    const watch = new Watch()
    using list = await watch.start()
    write(LONG)
    let changed = false
    watch.onPiece = () => {
      if (!changed) change()
      changed = true
    }
    await watch.look()
    expect(changed).toBe(true)
    expect(watch.blocked('1.0.0.1', '10.0.0.1', '9.9.9.9')).toEqual(['1.0.0.1'])
    expect(list.error).toMatchObject({ name: 'ListLoadError', list: 'feed' })
    expect([list.report?.rules, watch.errors.length]).toEqual([1, 1])

    write('1.0.0.4\n')
    await watch.look()
    expect(watch.blocked('1.0.0.1', '1.0.0.4')).toEqual(['1.0.0.4'])
    expect(list.error).toBe(undefined)
  })

  it('that was away while it was read is loaded anew when it is back, even as it was', async () => {
    write('1.0.0.1\n')
    const watch = new Watch()
    using list = await watch.start()
    write('1.0.0.2\n')
    watch.onPiece = () => { renameSync(path, `${path}.away`) }
    await watch.look()
    expect(list.error).toMatchObject({ name: 'ListLoadError' })
    watch.onPiece = () => {}
    renameSync(`${path}.away`, path)
    await watch.look()
    expect([list.error, watch.blocked('1.0.0.1', '1.0.0.2')]).toEqual([undefined, ['1.0.0.2']])
  })

  it('that is deleted keeps its rules, and says so once; it is loaded anew when it is back, even as it was', async () => {
    write('1.0.0.1\n')
    const watch = new Watch()
    using list = await watch.start()
    renameSync(path, `${path}.away`)
    await watch.look()
    await watch.look()
    expect(watch.blocked('1.0.0.1')).toEqual(['1.0.0.1'])
    expect(watch.errors).toMatchObject([{ name: 'ListLoadError', cause: { code: 'ENOENT' } }])
    expect(list.error?.message).toBe(watch.errors[0]?.message)

    renameSync(`${path}.away`, path)
    await watch.look()
    expect([list.error, watch.loads]).toEqual([undefined, 2])
  })

  it('that holds no rule keeps the old ones, and is not read again until it changes', async () => {
    write('1.0.0.1\n')
    const watch = new Watch()
    using list = await watch.start()
    write('nonsense\n')
    for (let looks = 0; looks < 5; looks++) await watch.look()
    expect([watch.loads, watch.errors.length, list.report?.rules]).toEqual([2, 1, 1])
    expect(list.error?.message).toContain('none of its 1 entries is a rule')
    expect(watch.blocked('1.0.0.1')).toEqual(['1.0.0.1'])

    write('nonsense\n1.0.0.2\n')
    await watch.look()
    expect(list.error).toBe(undefined)
    expect(list.report).toMatchObject({ rules: 1, invalid: 1, errors: [{ line: 1, value: '"nonsense"' }] })
  })

  it('that takes longer to read than the time between two looks is read once', async () => {
    write('1.0.0.1\n')
    const watch = new Watch()
    const list = await watch.start()
    write('1.0.0.2\n')
    const { promise, resolve } = Promise.withResolvers<undefined>()
    watch.onPiece = async () => promise
    watch.clock.tick(INTERVAL)
    await eventually(() => watch.loads === 2)
    watch.clock.tick(10 * INTERVAL)
    expect([watch.clock.pending, watch.loads]).toEqual([0, 2])
    resolve(undefined)
    await eventually(() => {
      // time has passed, so that whoever reads has a rest
      watch.clock.tick(0)
      return watch.ended === 2 && watch.clock.pending === 1
    })
    expect([watch.loads, watch.blocked('1.0.0.1', '1.0.0.2')]).toEqual([2, ['1.0.0.2']])
    list.stop()
  })

  it('has no say against a list that somebody loads in its name meanwhile', async () => {
    write('1.0.0.1\n')
    const watch = new Watch()
    using list = await watch.start()
    write('1.0.0.2\n')
    watch.onPiece = async () => { await watch.gater.loadList('feed', { content: '1.0.0.3' }) }
    await watch.look()
    expect(watch.blocked('1.0.0.1', '1.0.0.2', '1.0.0.3')).toEqual(['1.0.0.3'])
    expect(list.error?.message).toContain('in the meantime')
  })

  it('that is watched no more while it is read leaves the old rules, and nothing else', async () => {
    write('1.0.0.1\n')
    const watch = new Watch()
    const list = await watch.start()
    write(LONG)
    const { promise, resolve } = Promise.withResolvers<undefined>()
    watch.onPiece = async () => promise
    watch.clock.tick(INTERVAL)
    await eventually(() => watch.loads === 2 && open() === 1)
    list.stop()
    await eventually(() => open() === 0)
    resolve(undefined)
    await eventually(() => watch.ended === 2)
    expect([watch.blocked('1.0.0.1', '10.0.0.1'), watch.clock.pending, watch.errors]).toEqual([['1.0.0.1'], 0, []])
    expect(list.error).toBe(undefined)
    list.stop()
  })
})

describe('a file that cannot be loaded at first', () => {
  it.each([['is not there', undefined, 'ENOENT'], ['holds no rule', 'nonsense', 'is a rule'], ['is too long', '1.0.0.1\n1.0.0.2\n', 'rules in one list']])('and %s is not watched', async (_, content, message) => {
    if (content !== undefined) write(content)
    const { gater, clock } = make({ maxListRules: 1 })
    const errors: ListLoadError[] = []
    await expect(watchList(gater, 'feed', path, { clock, onError: error => { errors.push(error) } })).rejects.toMatchObject({ name: 'ListLoadError', message: expect.stringContaining(message) as string })
    expect([clock.pending, errors, gater.status().lists]).toEqual([0, [], []])
    expect(lets(gater as never, from('1.0.0.1'))).toBe(true)
    await eventually(() => open() === 0)
  })

  it.each([[{ interval: 0 }, 'interval'], [{ interval: NaN }, 'interval'], [{ clock: {} }, 'clock'], [{ onError: 1 }, 'onError'], [{ format: 'xml' }, 'format'], [{ intervall: 5 }, 'has no option "intervall"'], [null, 'must be an object']])('because of an option says which: %o', async (options, message) => {
    write('1.0.0.1\n')
    await expect(watchList(make().gater, 'feed', path, options as object)).rejects.toThrow(/^gater\.watchList[. ]/)
    await expect(watchList(make().gater, 'feed', path, options as object)).rejects.toThrow(message)
  })

  it('because of what is no gater, or no path, says so', async () => {
    write('1.0.0.1\n')
    await expect(watchList({} as never, 'feed', path)).rejects.toThrow('a list is watched for a gater, such as node.services.gater, got {}')
    await expect(watchList(make().gater, 'feed', { path } as never)).rejects.toThrow('the path of the file of a list must be a text, got an object')
  })
})
