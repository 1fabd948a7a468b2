import { clip, titled } from './lines.ts'
import type { Line } from './lines.ts'
import type { ScopeRow, Scopes, Share } from './scopes.ts'

type Column = 'connections' | 'streams' | 'descriptors'

/** Columns with their widths; with the margin and the name they fill the 79 columns that every terminal has */
const COLUMNS: ReadonlyArray<readonly [Column, number]> = [['connections', 14], ['streams', 16], ['descriptors', 15]]
const NAME = 33

/** How many lines there are besides those of peers */
export const SCOPE_LINES = 5

/** The tree of scopes, with as many peers as there is room for */
export function scopeLines (scopes: Scopes, peers: number): Line[] {
  const { system, transient, protocols, services, refusals } = scopes
  const inUse = [...protocols, ...services].map(({ name, ...share }) => `${name} ${shown(share)}`)
  const refused = refusals.map(({ scope, words, count }) => `${scope} ${count} ${words}`)
  return [
    [['bold', ` ${'scope'.padEnd(NAME)}${COLUMNS.map(([title, width]) => title.padStart(width)).join('')}`]],
    rowLine(system, ''),
    rowLine(transient, '  '),
    ...scopes.peers.slice(0, peers).map(peer => rowLine(peer, '  peer ')),
    titled('streams in use', inUse.length > 0 ? inUse.join(', ') : ['dim', 'none']),
    titled('over a limit', refused.length > 0 ? ['yellow', refused.join(', ')] : ['dim', 'nothing yet'])
  ]
}

/** The same in a few words */
export function scopeWords ({ system, refusals }: Scopes): string {
  const refused = refusals.reduce((sum, { count }) => sum + count, 0)
  return `${shown(system.connections, ' connections')}, ${shown(system.streams, ' streams')}, ${refused} over a limit`
}

function rowLine (row: ScopeRow, kind: string): Line {
  return [` ${clip(`${kind}${row.name}`, NAME).padEnd(NAME)}`, ...COLUMNS.map(([column, width]) => cell(row[column], width))]
}

function cell (share: Share, width: number): Line[number] {
  const text = shown(share).padStart(width)
  if (share.used === 0) return ['dim', text]
  return share.used >= share.limit ? ['yellow', text] : text
}

function shown ({ used, limit, direction }: Share, what = ''): string {
  return `${used}${limit === Infinity ? '' : ` of ${limit}`}${what}${direction == null ? '' : ` ${direction}`}`
}
