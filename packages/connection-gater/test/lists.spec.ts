import { systemClock } from '@cordon/clock'
import { ListLoadError } from '@cordon/interface-connection-gater'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ElementSplitter, LineSplitter } from '../src/lists/lines.ts'
import { rule } from './arbitraries.ts'
import { textOf } from './reference.ts'
import { from, lets, make, OTHER, PEER, to } from './support.ts'
import type { ListFormat, ListSource } from '@cordon/interface-connection-gater'

const TEXT = `# a list
192.0.2.0/24
2001:db8::/32 ; documentation

  ${PEER}   # a peer
allow outbound 192.0.2.7
block inbound /dns/*.bad.example
`

const HOSTS = `127.0.0.1 localhost
0.0.0.0 Ads.Example tracker.example # two
:: other.example
203.0.113.5 named.example
`

async function * inPieces (text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

describe('a list', () => {
  it('as text has a subject a line, and what differs from how it is loaded', async () => {
    const { gater } = make()
    const report = await gater.loadList('feed', { content: TEXT, trusted: true })
    expect(report).toMatchObject({ name: 'feed', rules: 5, invalid: 0, errors: [] })
    expect(gater.decide(from('192.0.2.7'))?.message).toBe('192.0.2.7 is covered by "block any 192.0.2.0/24" of the list feed')
    expect([...gater.rules()].map(({ id, list, origin, reason }) => `${id} ${list ?? ''} ${origin} ${reason ?? ''}`).sort()).toEqual([
      'allow outbound 192.0.2.7/32 feed list feed', `block any ${PEER} feed list feed`, 'block any 192.0.2.0/24 feed list feed', 'block any 2001:db8::/32 feed list feed', 'block inbound /dns/*.bad.example feed list feed'
    ])
  })

  it('that is not trusted says only whom it is about', async () => {
    const { gater } = make()
    const json = JSON.stringify(['192.0.2.1', { subject: '192.0.2.2', action: 'allow' }, { subject: '192.0.2.3', action: 'allow', lifts: ['lane'] }])
    expect(await gater.loadList('feed', { content: TEXT })).toMatchObject({ rules: 4, invalid: 1, errors: [{ line: 6, message: expect.stringContaining('a list of whom to block that is not trusted') as string }] })
    expect(await gater.loadList('json', { content: json, format: 'json' })).toMatchObject({ rules: 1, invalid: 2 })
    expect(await gater.loadList('friends', { content: '[{"subject":"192.0.2.9","lifts":["lane"]},"192.0.2.8",{"subject":"192.0.2.7","action":"block"}]', format: 'json', action: 'allow' })).toMatchObject({ rules: 1, invalid: 2 })
    expect([...gater.rules({ action: 'allow' })].map(({ subject }) => subject)).toEqual(['192.0.2.8/32'])
  })

  it.each([
    [{ content: '1.2.3.4', action: 'deny' }, 'action'], [{ content: '1.2.3.4', direction: 'both' }, 'direction'], [{ content: '1.2.3.4', format: 'csv' }, 'format'], [{ content: 5 }, 'content'], [{}, 'content'],
    ['1.2.3.4', 'source'], [null, 'source'], [{ content: '1.2.3.4', reasons: 'x' }, 'reasons'], [{ content: '1.2.3.4', signal: true }, 'signal'], [{ content: '1.2.3.4', trusted: 1 }, 'trusted']
  ])('is not loaded with options that are wrong: %o', async (source, path) => {
    const { gater } = make()
    const failure = await gater.loadList('feed', source as unknown as ListSource).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ListLoadError)
    expect(String(failure)).toContain(path)
    expect(gater.status().rules.list).toBe(0)
  })

  it('is given up with its signal, also while its content says nothing', async () => {
    const { gater } = make({ maxLists: 1 })
    const controller = new AbortController()
    let returned = 0
    const silent: AsyncIterable<string> = { [Symbol.asyncIterator]: () => ({ next: async () => new Promise<never>(() => {}), return: async () => { returned++; return { done: true, value: undefined } } }) }
    const loading = gater.loadList('silent', { content: silent, signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(loading).rejects.toThrow('the list silent was not loaded: enough')
    expect(returned).toBe(1)
    await expect(gater.loadList('late', { content: '1.2.3.4', signal: controller.signal })).rejects.toThrow('enough')
    expect(await gater.loadList('other', { content: '1.2.3.4' })).toMatchObject({ rules: 1 })
  })

  it('as a hosts file names hosts that are sunk, and otherwise addresses', async () => {
    const { gater } = make()
    await gater.loadList('hosts', { content: HOSTS, format: 'hosts' })
    for (const host of ['ads.example', 'tracker.example', 'other.example']) expect(lets(gater, to(`/dns4/${host}/tcp/443/wss`))).toBe(false)
    expect(lets(gater, to('/dns4/named.example/tcp/1'))).toBe(true)
    expect(lets(gater, from('203.0.113.5'))).toBe(false)
    expect(gater.status().rules.list).toBe(4)
  })

  it.each([
    ['an array', '["192.0.2.0/24", {"subject": "5.6.7.8", "action": "allow", "reason": "ours, \\"]\\" or not"},\n {"subject":"9.9.9.9","expires":1}]'],
    ['an object', '{"version":1, "rules": [\n"192.0.2.0/24",\n{"subject":"5.6.7.8","action":"allow"}]}']
  ])('as JSON is %s', async (_, content) => {
    const { gater } = make()
    expect(await gater.loadList('json', { content, format: 'json', trusted: true })).toMatchObject({ rules: 2, invalid: 0 })
    expect(gater.verdict(from('192.0.2.1')).decision).toBe('block')
    expect(gater.verdict(from('5.6.7.8')).decision).toBe('allow')
  })

  it.each<[ListFormat, string, number[]]>([
    ['text', `1.2.3.4\nnonsense\n${'x'.repeat(10_000)}\n5.6.7.8 9.9.9.9\n192.0.2.0/33\n2002::/16\nallow\n\n8.8.8.8`, [2, 3, 4, 5, 6, 7]],
    ['hosts', '0.0.0.0 a.example\nfoo bar\n0.0.0.0\n127.0.0.1 a/b\n1.2.3.4', [2, 3, 4]],
    ['json', `[\n"1.2.3.4",\n5,\n{"subject":"1.2.3.4","typo":1},\n{"subject":\n"1.2.3.4.5"},\n"${'x'.repeat(20_000)}",\n{"subject":"1.2.3.4","lifts":["lane"]},\n{]\n]`, [3, 4, 5, 7, 8, 9]]
  ])('says in which line of %s what is wrong, and loads the rest', async (format, content, lines) => {
    const { gater } = make()
    const { rules, errors, invalid } = await gater.loadList('bad', { content, format }).catch((err: unknown) => { throw err })
    expect(rules).toBeGreaterThan(0)
    expect(errors.map(({ line }) => line)).toEqual(lines)
    expect(invalid).toBe(lines.length)
    for (const { name, list, value, message } of errors) {
      expect(name).toBe('ListError')
      expect(list).toBe('bad')
      expect(value.length).toBeLessThan(120)
      expect(message.length).toBeLessThan(300)
    }
  })

  it.each<[string, ListFormat, string]>([
    ['is a page about an error', 'text', '<html>\n<body>no such file</body>\n</html>'],
    ['has no array', 'json', '{"rules": {}}'],
    ['is cut off', 'json', '["1.2.3.4", "5.6.7.8"'],
    ['is empty JSON', 'json', '']
  ])('that %s is not loaded, and the one before stays in force', async (_, format, content) => {
    const { gater } = make()
    await gater.loadList('feed', { content: '1.2.3.4' })
    await expect(gater.loadList('feed', { content, format })).rejects.toThrow(ListLoadError)
    expect(lets(gater, from('1.2.3.4'))).toBe(false)
    expect(gater.status().lists).toMatchObject([{ name: 'feed', rules: 1 }])
  })

  it('whose source fails, ends early or is aborted leaves the one before in force', async () => {
    const { gater } = make()
    await gater.loadList('feed', { content: '1.2.3.4' })
    const broken = async function * (): AsyncGenerator<string> {
      yield '5.6.7.8\n'
      throw new Error('disk error')
    }
    await expect(gater.loadList('feed', { content: broken() })).rejects.toThrow('disk error')
    await expect(gater.loadList('feed', { content: '5.6.7.8', signal: AbortSignal.abort() })).rejects.toThrow(ListLoadError)
    expect([lets(gater, from('1.2.3.4')), lets(gater, from('5.6.7.8'))]).toEqual([false, true])
  })

  it('replaces the one of its name as a whole, and is gone when it is dropped', async () => {
    const { gater } = make()
    await gater.loadList('feed', { content: '1.2.3.4\n5.6.7.8' })
    await gater.loadList('feed', { content: '5.6.7.8\n9.9.9.9' })
    expect(['1.2.3.4', '5.6.7.8', '9.9.9.9'].map(ip => lets(gater, from(ip)))).toEqual([true, false, false])
    expect(gater.dropList('feed')).toBe(true)
    expect(gater.dropList('feed')).toBe(false)
    expect(gater.status().rules.list).toBe(0)
    expect(lets(gater, from('5.6.7.8'))).toBe(true)
  })

  it('has a bound, and so has their number', async () => {
    const { gater } = make({ maxListRules: 10, maxLists: 3 })
    const content = Array.from({ length: 100 }, (_, i) => `1.2.3.${i}`).join('\n')
    await expect(gater.loadList('feed', { content })).rejects.toThrow(ListLoadError)
    for (let i = 0; i < 30; i++) await gater.loadList(`feed-${i}`, { content: '1.2.3.4' }).catch(() => {})
    expect(gater.status().lists).toHaveLength(3)
  })

  it.each(['', 'a b', 'x'.repeat(65), '../x', 5 as unknown as string])('is not called %j', async name => {
    const { gater } = make()
    await expect(gater.loadList(name, { content: '1.2.3.4' })).rejects.toThrow('its name must have 1 to 64 letters, digits, dots and dashes')
    expect(gater.status().lists).toEqual([])
  })

  it('ends with the time that its rules have', async () => {
    const { gater, clock } = make()
    await gater.loadList('feed', { content: JSON.stringify([{ subject: '1.2.3.4', expires: 1_700_000_000_000 + clock.now() + 1_000 }]), format: 'json' })
    expect(lets(gater, from('1.2.3.4'))).toBe(false)
    clock.tick(1_000)
    expect(lets(gater, from('1.2.3.4'))).toBe(true)
  })

  it.each([
    ['plain', (i: number) => `10.0.${i >>> 8}.${i & 255}`, 10_000 * 10 / 16_384],
    ['not plain', (i: number) => `10.0.${i >>> 8}.${i & 255} # ${i}`, 10_000 / 32]
  ])('whose lines are %s lets everything else have its turn while it is loaded', async (_, line, looks) => {
    let now = 0
    let rests = 0
    // every look at the time costs as much as a slice may take
    const clock = { now: () => { now += 10; return now }, schedule: (delay: number, task: () => void) => { rests++; return systemClock.schedule(delay, task) } }
    const { gater } = make({ clock })
    const content = Array.from({ length: 10_000 }, (_, i) => line(i)).join('\n')
    expect(await gater.loadList('feed', { content })).toMatchObject({ rules: 10_000 })
    expect(rests).toBeGreaterThanOrEqual(Math.floor(looks))
  })
})

describe('an export', () => {
  it.each(['text', 'json'] as const)('as %s has the same rules when it is loaded', async format => {
    await fc.assert(fc.asyncProperty(fc.array(rule, { minLength: 1, maxLength: 20 }), fc.string({ maxLength: 50 }), fc.integer({ min: 1, max: 50 }), async (rules, reason, size) => {
      const { gater } = make()
      for (const { action, direction, ...what } of rules) await gater[action](textOf({ action, direction, ...what }), { direction, reason })
      const exported = [...gater.export(format)].join('')
      const { gater: second } = make()
      expect(await second.loadList('copy', { content: inPieces(exported, size), format, trusted: true })).toMatchObject({ invalid: 0 })
      expect([...second.rules()].map(({ id }) => id).sort()).toEqual([...gater.rules()].map(({ id }) => id).sort())
      if (format === 'json') expect([...second.rules()].every(one => one.reason === reason)).toBe(true)
    }), { numRuns: 50 })
  })
})

describe('parsers', () => {
  const noise = fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), fc.string({ unit: fc.constantFrom('[', ']', '{', '}', '"', '\\', ',', '\n', ' ', '1', '.', '/', ':', '#', 'a', '\0'), maxLength: 200 }),
    fc.array(fc.constantFrom('1.2.3.4', '::/0', PEER, OTHER, 'allow', 'block', 'inbound', '/dns/*', '\n', ' ', '#', '"', ',', '[', ']', '{"subject":"1.2.3.4"}', '0.0.0.0', '\r\n', '\uFEFF', '\uD800'), { maxLength: 30 }).map(parts => parts.join('')))

  it('take whatever a file may hold: they load it or say why not, with lines in order', async () => {
    await fc.assert(fc.asyncProperty(noise, fc.constantFrom<ListFormat>('text', 'json', 'hosts'), fc.integer({ min: 1, max: 20 }), async (content, format, size) => {
      const { gater } = make()
      try {
        const { rules, errors } = await gater.loadList('noise', { content: inPieces(content, size), format })
        expect(gater.status().rules.list).toBe(rules)
        const lines = errors.map(({ line }) => line)
        expect(lines).toEqual([...lines].sort((a, b) => a - b))
        expect([...gater.rules()]).toHaveLength(rules)
      } catch (err) {
        expect(err).toBeInstanceOf(ListLoadError)
      }
    }), { numRuns: 1_500 })
  })

  it('split the same wherever pieces end', () => {
    fc.assert(fc.property(noise, fc.integer({ min: 1, max: 20 }), (text, size) => {
      const lines = (step: number): unknown[] => {
        const splitter = new LineSplitter()
        const found: unknown[] = []
        for (let at = 0; at < text.length; at += step) found.push(...splitter.feed(text.slice(at, at + step)))
        return [...found, ...splitter.end()]
      }
      expect(lines(size)).toEqual(lines(text.length + 1))
      const elements = (step: number): unknown[] => {
        const splitter = new ElementSplitter()
        const found: unknown[] = []
        try {
          for (let at = 0; at < text.length; at += step) found.push(...splitter.feed(text.slice(at, at + step)))
          return [...found, ...splitter.end()]
        } catch (err) {
          return [...found, String(err)]
        }
      }
      expect(elements(size).at(-1)).toEqual(elements(text.length + 1).at(-1))
    }), { numRuns: 1_500 })
  })
})
