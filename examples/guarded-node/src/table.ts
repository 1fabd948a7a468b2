import { turnedAway } from './door.ts'
import { clip, render, titled } from './lines.ts'
import { SCOPE_LINES, scopeLines, scopeWords } from './scope-lines.ts'
import { seconds } from './words.ts'
import type { Prompt } from './controls.ts'
import type { ShutOut } from './door.ts'
import type { Pings, Row, Verdict } from './ledger.ts'
import type { Line, Paint } from './lines.ts'
import type { Scopes } from './scopes.ts'
import type { SocketStatus } from '@cordon/interface-component-registry'

/** All that is shown at one moment */
export interface View {
  /** How long the node has been running, in ms */
  readonly elapsed: number
  readonly rows: readonly Row[]
  readonly total: Row
  /** How many groups found no room in `rows` */
  readonly more: number
  /** The newest last */
  readonly verdicts: readonly Verdict[]
  /** Absent where the node has no visitors of its own */
  readonly pings?: Pings
  readonly sockets: SocketStatus
  /** What the visitors of the example do, by the group that they come from */
  readonly labels: ReadonlyMap<string, string>
  readonly scopes: Scopes
  /** Whom rules shut out */
  readonly shutOut: readonly ShutOut[]
  /** What can be typed, or what was said last; absent where there is neither */
  readonly prompt?: Prompt | undefined
}

/** The room that a terminal has */
export interface Size {
  readonly columns: number
  readonly lines: number
}

type Column = Exclude<keyof Row, 'group'>

/** Columns with their widths; with the margin and the name they fill the 79 columns that every terminal has */
const COLUMNS: ReadonlyArray<readonly [Column, number]> = [
  ['new', 5], ['encrypt', 8], ['multiplex', 10], ['handshake', 10], ['ready', 6], ['left', 6], ['refused', 8], ['dropped', 8]
]
const COLUMNS_WIDTH = COLUMNS.reduce((sum, [, width]) => sum + width, 0)

/** Those that say where live connections stand: who is shut out has none, and their room is used to say so */
const LIVE = 5
const LIVE_WIDTH = COLUMNS.slice(0, LIVE).reduce((sum, [, width]) => sum + width, 0)

/** Wide enough for an IPv4 address with a label, and for an IPv6 /64 where there is room */
const NAME = { min: 17, max: 26 }

/** Wider lines are hard to follow */
const MAX_WIDTH = 100

/** How many reasons and peers are shown at most, and how many there have to be room for at least */
const VERDICTS = { few: 2, many: 5 }
const PEERS = { few: 2, many: 6 }

/** How wide the numbers beside a reason are: how often, and how long ago */
const OFTEN = 7
const AGO = 8

/**
 * The picture of one moment as lines, none of them wider than the terminal. The 23 lines of the smallest one hold
 * what matters; where there are more, more is shown.
 */
export function table (view: View, { columns, lines }: Size, paint: Paint): string[] {
  const width = Math.min(columns, MAX_WIDTH)
  const name = Math.min(NAME.max, Math.max(NAME.min, width - COLUMNS_WIDTH - 1))
  const records: Line[] = [
    [['bold', ` ${'from'.padEnd(name)}${COLUMNS.map(([title, width]) => title.padStart(width)).join('')}`]],
    ...view.rows.map(row => rowLine(row, view, name)),
    ...(view.more > 0 ? [[['dim', ` and ${view.more} more`]] satisfies Line] : []),
    groupLine(view.total, ' all', name)
  ]
  const visitors: Line[] = [...(view.pings == null ? [] : pingLines(view.pings)), socketLine(view.sockets, view.elapsed), ...ruleLines(view)]

  const take = share(lines - records.length - visitors.length - SCOPE_LINES - 1)
  const reasons = view.verdicts.length
  // first what matters, then what is pleasant to the eye, then more of the same
  const few = { verdicts: take(Math.min(VERDICTS.few, Math.max(1, reasons))), peers: take(Math.min(PEERS.few, view.scopes.peers.length)) }
  const verdicts = few.verdicts + take(Math.min(VERDICTS.many, reasons) - few.verdicts)
  const gaps = take(3)
  const peers = few.peers + take(Math.min(PEERS.many, view.scopes.peers.length) - few.peers)

  const parts = [records, visitors, scopeLines(view.scopes, peers), verdictLines(view, verdicts, width)]
  return parts
    .flatMap((part, index) => index > 0 && index <= gaps ? [[], ...part] : part)
    .map(line => render(line, width, paint))
}

/** Gives of so many what is asked for, as long as there is any */
function share (all: number): (wanted: number) => number {
  let left = Math.max(0, all)
  return wanted => {
    const given = Math.min(left, Math.max(0, wanted))
    left -= given
    return given
  }
}

function rowLine (row: Row, { labels, shutOut, prompt }: View, name: number): Line {
  const label = labels.get(row.group)
  const text = label == null ? row.group : `${row.group} ${label}`
  const rule = shutOut.find(({ group }) => group === row.group)
  return groupLine(row, `${[text, row.group].includes(prompt?.selected ?? '') ? '›' : ' '}${text}`, name, rule)
}

function groupLine (row: Row, title: string, name: number, rule?: ShutOut): Line {
  const cells = COLUMNS.map(([column, width]) => cell(column, row[column], width))
  const first = clip(title, name + 1).padEnd(name + 1)
  const isThere = COLUMNS.slice(0, LIVE).some(([column]) => row[column] > 0)
  if (rule == null || isThere) return [first, ...cells]
  return [first, ['red', clip(`  shut out: ${deeds(rule)}`, LIVE_WIDTH).padEnd(LIVE_WIDTH)], ...cells.slice(LIVE)]
}

/** What a rule has led to */
function deeds (rule: ShutOut): string {
  return `${rule.cut} cut, ${turnedAway(rule)} turned away`
}

/** Those who are shut out and have no row of their own in which that could be said; and what can be done about it */
function ruleLines ({ shutOut, rows, prompt }: View): Line[] {
  const [first, ...others] = shutOut.filter(rule => !rows.some(({ group }) => group === rule.group))
  const more = others.length > 0 ? `, and ${others.length} more` : ''
  return [
    ...(first == null ? [] : [titled('shut out', ['red', `${first.name}: ${deeds(first)}${more}`])]),
    ...(prompt == null ? [] : [titled('rules', prompt.text)])
  ]
}

function cell (column: Column, value: number, width: number): Line[number] {
  if (value === 0) return ['dim', '·'.padStart(width)]
  const text = String(value).padStart(width)
  if (column === 'dropped' || column === 'refused') return ['yellow', text]
  return column === 'ready' ? ['green', text] : text
}

function pingLines ({ ok, failed, lastError, ping, connect }: Pings): Line[] {
  if (ok + failed === 0) return [titled('honest pings', 'none yet')]
  const answered = [failed === 0 ? 'green' : 'red', `${ok} of ${ok + failed} answered`] as const
  return [
    titled('honest pings', answered, ping == null ? '' : `, p50 ${seconds(ping.p50)}, p99 ${seconds(ping.p99)}`),
    ...(connect == null ? [] : [titled('to connect anew', `p50 ${seconds(connect.p50)}, p99 ${seconds(connect.p99)}`)]),
    ...(lastError == null ? [] : [titled('last failure', ['red', lastError])])
  ]
}

function socketLine ({ pending, expired, dropped }: SocketStatus, elapsed: number): Line {
  return titled('silent WebSockets', `${pending} waiting, ${expired} expired, ${dropped} dropped`, ['dim', `; running for ${age(elapsed)}`])
}

/** In a steady order, or nobody could read them while they change */
function verdictLines ({ verdicts, elapsed }: View, max: number, width: number): Line[] {
  const room = width - OFTEN - AGO
  const title: Line = [['bold', ` ${'refused or dropped, and why'.padEnd(room + OFTEN - 1)}${'last'.padStart(AGO)}`]]
  if (verdicts.length === 0) return max > 0 ? [title, [['dim', ' nobody yet']]] : [title]
  const shown = verdicts.slice(verdicts.length - max).sort((a, b) => a.text < b.text ? -1 : 1)
  return [title, ...shown.map(({ text, count, at }) => [
    `${`${count}×`.padStart(OFTEN - 1)} ${clip(text, room).padEnd(room)}`,
    ['dim', (elapsed - at < 1_000 ? 'now' : age(elapsed - at)).padStart(AGO)]
  ] satisfies Line)]
}

/** Whole units, the largest that fits */
function age (ms: number): string {
  if (ms < 60_000) return `${Math.floor(ms / 1_000)} s`
  return ms < 3_600_000 ? `${Math.floor(ms / 60_000)} min` : `${Math.floor(ms / 3_600_000)} h`
}

/** The same as one line of text, and one more for each reason that was met since the verdicts of `before` */
export function plainLines (view: View, before: ReadonlyMap<string, number>): string[] {
  const { total, pings, sockets } = view
  const handshaking = total.new + total.encrypt + total.multiplex + total.handshake
  const parts = [
    `${Math.round(view.elapsed / 1_000)} s`,
    `${handshaking} handshaking, ${total.ready} ready`,
    `${total.refused} refused, ${total.dropped} dropped`,
    `${sockets.pending} silent WebSockets, ${sockets.expired + sockets.dropped} dropped`,
    scopeWords(view.scopes)
  ]
  if (pings != null) {
    parts.push(`${pings.ok} of ${pings.ok + pings.failed} pings${pings.ping == null ? '' : `, p50 ${seconds(pings.ping.p50)}, p99 ${seconds(pings.ping.p99)}`}`)
  }
  parts.push(...view.shutOut.map(rule => `${rule.name} shut out: ${deeds(rule)}`))
  const changes = view.verdicts.flatMap(({ text, count }) => {
    const more = count - (before.get(text) ?? 0)
    return more > 0 ? [`  ${text}${more > 1 ? ` (${more} times)` : ''}`] : []
  })
  return [parts.join(' | '), ...changes]
}
