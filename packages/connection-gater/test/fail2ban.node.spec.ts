import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rule, target } from './arbitraries.ts'
import { textOf } from './reference.ts'
import { from, make, PEER, to } from './support.ts'

const FILTER = fileURLToPath(new URL('../fail2ban/cordon-gater.conf', import.meta.url))
const REFUSING = fileURLToPath(new URL('fixtures/refusing.ts', import.meta.url))

/** What fail2ban 1.1 puts in place of `<ADDR>` and `<HOST>` (server/failregex.py and server/ipdns.py) */
const IP4 = String.raw`(?:\d{1,3}\.){3}\d{1,3}`
const IP6 = '(?:[0-9a-fA-F]{1,4}::?|:){1,7}(?:[0-9a-fA-F]{1,4}|(?<=:):)'
const ADDR = String.raw`\[?(?:(?:::f{4,6}:)?(?<ip4>${IP4})|(?<ip6>${IP6}))\]?`
const HOST = String.raw`(?:${ADDR}|(?<dns>[\w\-.^_]*\w))`

/** What stands for parts of a date (server/strptime.py) */
const DATES: Readonly<Record<string, string>> = { Y: String.raw`\d{4}`, m: String.raw`\d{2}`, d: String.raw`\d{2}`, H: String.raw`\d{2}`, M: String.raw`\d{2}`, S: String.raw`\d{2}`, f: String.raw`\d{1,6}`, z: String.raw`(?:Z|UTC|GMT|[+-][01]\d(?::?\d{2})?)` }

interface Filter {
  readonly datepattern: string
  readonly failregex: readonly string[]
  readonly ignoreregex: string
}

/** The settings of a filter file: `name = value`, and lines that go on are indented (Python's configparser) */
function readFilter (): Filter {
  const settings: Record<string, string> = {}
  let name = ''
  for (const line of readFileSync(FILTER, 'utf8').split('\n')) {
    if (/^[#;[]/.test(line) || line.trim() === '') continue
    const [, key, value = ''] = /^(\w+)\s*=\s*(.*)$/.exec(line) ?? []
    if (key !== undefined) settings[name = key] = value.trim()
    else settings[name] = `${settings[name] ?? ''}\n${line.trim()}`
  }
  const { datepattern = '', failregex = '', ignoreregex = '' } = settings
  return { datepattern: datepattern.replaceAll('%%', '%'), failregex: failregex.split('\n'), ignoreregex }
}

const { datepattern, failregex, ignoreregex } = readFilter()
const date = new RegExp(datepattern.replace(/%([a-zA-Z])/g, (_, part: string) => DATES[part] ?? expect.fail(`no date has a part ${part}`)))
const patterns = failregex.map(pattern => new RegExp(pattern.replaceAll('<ADDR>', ADDR).replaceAll('<HOST>', HOST)))

/** Whom fail2ban would ban because of a line: it takes the date out of it, where there is one, and searches in the rest */
function banned (line: string): string | undefined {
  const rest = line.replace(date, '')
  for (const pattern of patterns) {
    const { groups } = pattern.exec(rest) ?? {}
    if (groups !== undefined) return groups['ip4'] ?? groups['ip6'] ?? groups['dns']
  }
  return undefined
}

const AT = '2026-11-21T20:00:00.000Z'
const LINE = `${AT} cordon-gater: refused inbound 9.8.7.6 cidr`

const ADDRESSES = ['8.8.4.4', '223.1.2.3', '2a00:1450:4001:81b::200e', '2a00::', '2001:200:0:1:2:3:4:5', '2a00:0:0:1::1', '2600:ffff:ffff:ffff:ffff:ffff:ffff:ffff'] as const

const NO_MATCH = [
  `${AT} cordon-gater: refused outbound 9.8.7.6 cidr`,
  `${AT} cordon-gater: 12 more refusals were not written`,
  `${AT} cordon-gater: refused inbound node.example pattern`,
  `${LINE} and more`,
  `${LINE} 1.2.3.4`,
  `${AT} ${LINE}`,
  `x ${LINE}`,
  ` ${LINE}`,
  LINE.slice(AT.length + 1),
  `${AT} libp2p:identify ${LINE}`,
  `${AT} libp2p:identify cordon-gater: refused inbound 9.8.7.6 cidr`,
  `${AT} cordon:gater:refused libp2p cordon-gater: refused inbound 9.8.7.6 cidr`,
  `${AT} cordon:gater:refused ${LINE} +0ms`,
  `${AT} cordon:gater ${LINE}`,
  `${AT} libp2p:identify agent is "cordon:gater:refused ${LINE}`
]

describe('the filter for fail2ban', () => {
  it('has what a filter needs, and resolves no names', () => {
    expect(datepattern).toMatch(/^\^.+$/)
    expect(failregex.filter(pattern => pattern.startsWith('^') && pattern.endsWith('$') && pattern.includes('<ADDR>'))).toEqual(failregex)
    expect([failregex.length > 0, ignoreregex, failregex.join('').includes('<HOST>')]).toEqual([true, '', false])
  })

  it.each(ADDRESSES)('yields %s, from what the gater writes', address => {
    const lines: string[] = []
    const { gater } = make({ default: 'block', refusalLog: line => { lines.push(line) } })
    gater.decide(from(address, PEER))
    expect(lines.map(banned)).toEqual([from(address).address?.key])
    gater.decide(to(address, PEER))
    expect(lines.map(banned)).toEqual([from(address).address?.key, undefined])
  })

  it.each(NO_MATCH)('does not match: %s', line => {
    expect(banned(line)).toBe(undefined)
    expect(banned(LINE)).toBe('9.8.7.6')
  })

  it('yields the address of each inbound refusal of a public one, whatever the rules are and whoever comes', () => {
    let bans = 0
    fc.assert(fc.property(fc.array(rule, { maxLength: 20 }), fc.array(target, { minLength: 1, maxLength: 10 }), (rules, targets) => {
      const lines: string[] = []
      const { gater } = make({ default: 'block', refusalLog: line => { lines.push(line) } })
      for (const one of rules) void gater[one.action](textOf(one), { direction: one.direction })
      const expected = targets.flatMap(one => {
        const isRefused = gater.decide(one) !== undefined
        return isRefused && one.address?.class === 'public' ? [one.direction === 'inbound' ? one.address.key : undefined] : []
      })
      expect(lines.map(banned)).toEqual(expected)
      bans += expected.filter(key => key !== undefined).length
    }), { numRuns: 300 })
    expect(bans).toBeGreaterThan(0)
  })

  it('matches no line that tells how many are missing', () => {
    const lines: string[] = []
    const { gater, clock } = make({ default: 'block', refusalLog: line => { lines.push(line) } })
    for (let i = 0; i < 25; i++) gater.decide(from('8.8.4.4'))
    clock.tick(1_000)
    gater.decide(from('8.8.4.4'))
    expect(lines).toHaveLength(22)
    expect(lines.map(banned)).toEqual([...new Array<string>(20).fill('8.8.4.4'), undefined, '8.8.4.4'])
  })

  it('matches what DEBUG writes to a file', () => {
    const { stderr, status } = spawnSync(process.execPath, ['--conditions=@cordon/source', REFUSING, ...ADDRESSES], { encoding: 'utf8', env: { ...process.env, DEBUG: 'cordon:gater:refused', FORCE_COLOR: '0', NODE_OPTIONS: '' } })
    expect(status).toBe(0)
    const lines = stderr.trimEnd().split('\n')
    expect(lines).toHaveLength(2 * ADDRESSES.length)
    expect(lines.flatMap(line => banned(line) ?? [])).toEqual(ADDRESSES.map(address => from(address).address?.key))
  })

  const real = spawnSync('fail2ban-regex', ['--version']).status === 0

  it.skipIf(!real)('does the same in fail2ban itself', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cordon-gater-'))
    try {
      const log = join(folder, 'log')
      writeFileSync(log, [...ADDRESSES.map(address => `${AT} cordon-gater: refused inbound ${address} cidr`), ...NO_MATCH].join('\n'))
      const output = execFileSync('fail2ban-regex', ['--out', 'ip', log, FILTER], { encoding: 'utf8' })
      expect(output.trim().split('\n')).toEqual(ADDRESSES)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
