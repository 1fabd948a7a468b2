// Fails on every arrow between packages that the architecture does not have. See `scripts/lib/graph.ts` for the rules.

import { join } from 'node:path'
import { checkGraph, readGraph, references } from './lib/graph.ts'
import { report } from './lib/report.ts'
import { root, workspaces } from './lib/workspace.ts'

const graph = readGraph()
const listed = new Set(references(join(root, 'tsconfig.json')))
const problems = [
  ...checkGraph(graph),
  ...workspaces('packages').filter(({ folder }) => !graph.has(folder)).map(({ path }) => `${path}: has no src/index.ts`),
  ...workspaces('packages').filter(({ folder }) => !listed.has(folder)).map(({ path }) => `tsconfig.json: ${path} is not among the references, so it is not built`)
]
report(problems, `${graph.size} packages, ${[...graph.values()].reduce((sum, { arrows }) => sum + arrows.length, 0)} imports`)
