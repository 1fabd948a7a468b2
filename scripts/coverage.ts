// Runs the tests of the packages in Node and in Chromium, and fails where a package has less than its floor covered.

import { join } from 'node:path'
import { coverageOf, LIMITS, missed } from './lib/coverage.ts'
import { report } from './lib/report.ts'
import { runNode } from './lib/run.ts'
import { packages, readJson, root } from './lib/workspace.ts'
import type { Summary } from './lib/coverage.ts'

const { code } = await runNode([
  'node_modules/vitest/vitest.mjs', 'run', '--project', 'node', '--project', 'chromium', '--coverage', '--coverage.reporter=json-summary', '--coverage.reporter=html',
  ...process.argv.slice(2)
], { show: true })
const summary = readJson<Summary>(join(root, 'coverage/coverage-summary.json'))
const rows = packages().filter(({ manifest }) => manifest.private !== true).map(({ folder: name, absolute }) => coverageOf(name, absolute, summary))
for (const { name, lines, branches } of rows) console.log(`${name.padEnd(34)} lines ${lines.toFixed(1).padStart(5)} %   branches ${branches.toFixed(1).padStart(5)} %`)
report([...(code === 0 ? [] : ['tests failed']), ...rows.flatMap(missed)], `every package has ${LIMITS.lines} % of its lines and ${LIMITS.branches} % of its branches covered; coverage/index.html shows the rest`)
