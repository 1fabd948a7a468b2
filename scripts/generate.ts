// Writes what is made from the sources: docs/errors.md, the package graph in docs/architecture.md, the API reports in etc/.
//
//   npm run generate               writes
//   npm run generate -- --check    writes nothing and fails where something is stale; reads what was built last
//   npm run generate -- pages      only the pages, which need no build

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { apiReports } from './lib/api-report.ts'
import { errorsPage } from './lib/errors.ts'
import { drawGraph, withGraph } from './lib/graph-page.ts'
import { readGraph } from './lib/graph.ts'
import { report } from './lib/report.ts'
import { runNode } from './lib/run.ts'
import { root } from './lib/workspace.ts'

const check = process.argv.includes('--check')
const only = process.argv.slice(2).find(argument => !argument.startsWith('-'))

/** The pages that are made, by their path; undefined where a page has no place for what is made */
function pages (): Map<string, string | undefined> {
  const architecture = readPage('docs/architecture.md')
  return new Map([
    ['docs/errors.md', errorsPage()],
    ['docs/architecture.md', withGraph(architecture, drawGraph(readGraph()))]
  ])
}

function readPage (path: string): string {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : ''
}

function writePages (): string[] {
  return [...pages()].flatMap(([path, text]) => {
    if (text == null) return [`${path}: has no "<!-- graph: … -->" and "<!-- /graph -->" between which the graph could stand`]
    if (readPage(path) === text) return []
    if (check) return [`${path}: is stale, run npm run generate`]
    writeFileSync(join(root, path), text)
    console.log(`wrote ${path}`)
    return []
  })
}

async function writeReports (): Promise<string[]> {
  // others read what was built while this checks it
  if (check) return apiReports(true)
  const build = await runNode(['scripts/build.ts'])
  return build.code === 0 ? apiReports(false) : [`the build failed:\n${build.output}`]
}

const problems = [
  ...(only == null || only === 'pages' ? writePages() : []),
  ...(only == null || only === 'api' ? await writeReports() : [])
]
report(problems, 'up to date')
