import doc from '../../../docs/lifecycle.md?raw'
import type { LifecycleRecord } from '../src/record.ts'
import type { ConnectionLifecycle } from '@cordon/interface-connection-lifecycle'

/** What a record holds: one row of the table in docs/lifecycle.md */
export interface Held {
  readonly listed: string
  readonly byPeer: string
  readonly place: string
  readonly deadlines: string
  readonly raw: string
}

/** The rows of the first table under a heading, without its first two lines */
export function tableUnder (heading: string): string[][] {
  const section = doc.split(`\n## ${heading}`)[1]?.split('\n## ')[0] ?? ''
  const lines = section.split('\n').filter(line => line.startsWith('|')).slice(2)
  if (lines.length === 0) throw new Error(`docs/lifecycle.md has no table under ${heading}`)
  return lines.map(line => line.split('|').slice(1, -1).map(cell => cell.trim()))
}

const ROWS = tableUnder('What each state holds')

/** By state and phase: what the document says that a record holds */
export const TABLE: ReadonlyMap<string, Held> = new Map(ROWS.map(([state, phase, listed = '', byPeer = '', place = '', deadlines = '', raw = '']) =>
  [`${state} ${phase}`, { listed, byPeer, place, deadlines, raw }]))

/** By state and phase: for how long at most, as the document says */
export const BOUNDS: ReadonlyMap<string, string> = new Map(ROWS.map(row => [`${row[0]} ${row[1]}`, row[7] ?? '']))

/** Which row of the table is the record's */
export function rowOf (record: LifecycleRecord): string {
  if (record.state === 'closed') return record.released ? 'closed released' : 'closed closing'
  return `${record.state} ${record.phase ?? '–'}`
}

/** What the record really holds; asked after every step of every run, so it makes no more than it has to */
export function holds (lifecycle: ConnectionLifecycle, record: LifecycleRecord): Held {
  const phase = record.phaseDeadline?.waiting === true ? String(record.phase) : ''
  const total = record.totalDeadline?.waiting === true ? 'total' : ''
  const close = record.closeDeadline?.waiting === true ? 'close' : ''

  return {
    listed: lifecycle.get(record.id) === record ? 'yes' : 'no',
    byPeer: record.remotePeer != null && lifecycle.forPeer(record.remotePeer).includes(record) ? 'yes' : 'no',
    place: record.place?.taken === true ? 'yes' : 'no',
    deadlines: phase === '' && total === '' ? (close === '' ? 'none' : close) : `${phase}, ${total}${close}`,
    raw: record.transport == null ? 'let go' : 'held'
  }
}
