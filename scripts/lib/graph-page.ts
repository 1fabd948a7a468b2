import { dependenciesOf } from './graph.ts'
import type { GraphNode, Kind } from './graph.ts'

const BEGIN = '<!-- graph: made by `npm run generate` from the imports of the packages -->'
const END = '<!-- /graph -->'

const GROUPS: ReadonlyArray<[Kind, string]> = [
  ['umbrella', 'the defaults'],
  ['implementation', 'modules'],
  ['leaf', 'leaves'],
  ['interface', 'contracts'],
  ['compliance', 'suites'],
  ['testing', 'for tests']
]

/** The graph as a mermaid drawing: one box for each kind, one arrow for each package that imports another */
export function drawGraph (graph: ReadonlyMap<string, GraphNode>): string {
  const boxes = GROUPS.flatMap(([kind, title]) => {
    const members = [...graph.values()].filter(node => node.kind === kind).map(({ workspace }) => `    ${workspace.folder}`)
    return members.length === 0 ? [] : [`  subgraph ${kind} [${title}]`, ...members, '  end']
  })
  const arrows = [...graph.keys()].flatMap(folder => dependenciesOf(graph, folder).map(target => `  ${folder} --> ${target}`))
  return ['```mermaid', 'flowchart TD', ...boxes, ...arrows, '```'].join('\n')
}

/** Puts the drawing between its two marks; undefined where the page has no such marks */
export function withGraph (page: string, drawing: string): string | undefined {
  const begin = page.indexOf(BEGIN)
  const end = page.indexOf(END)
  if (begin === -1 || end < begin) return undefined
  return `${page.slice(0, begin)}${BEGIN}\n${drawing}\n${page.slice(end)}`
}
