// Every gate that a change has to pass. Runs all of them, whatever fails, and fails at the end.
//
//   npm run check                     all
//   npm run check -- --skip-tests     all but the tests
//   npm run check -- lint graph       those two

import { describeStage, runStages } from './lib/stages.ts'
import type { Stage, StageResult } from './lib/stages.ts'

const SOURCE = '--conditions=@cordon/source'

const BUILD: Stage = { name: 'build', args: ['scripts/build.ts'] }

// The longest first, so that two cores end at about the same time
const STAGES: readonly Stage[] = [
  { name: 'lint', args: ['node_modules/eslint/bin/eslint.js', '.'] },
  { name: 'site', args: ['node_modules/typedoc/bin/typedoc', '--logLevel', 'Warn'] },
  { name: 'packed', args: ['scripts/check-packed.ts'], afterBuild: true },
  { name: 'api', args: ['scripts/generate.ts', 'api', '--check'], afterBuild: true },
  { name: 'examples', args: [SOURCE, 'scripts/check-docs.ts'] },
  { name: 'types', args: ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.test.json'] },
  { name: 'unused', args: ['node_modules/knip/bin/knip.js', '--no-config-hints'] },
  { name: 'size', args: ['node_modules/size-limit/bin.js'], afterBuild: true },
  // of the packages that were built; a dial that waits for other stages would fail
  { name: 'bench', args: ['scripts/bench.ts', 'overhead', '--quick', '--row', 'connections'], afterBuild: true, alone: true },
  { name: 'replay', args: [SOURCE, 'benchmarks/resource-manager-replay/src/compare.ts'] },
  { name: 'graph', args: ['scripts/check-graph.ts'] },
  { name: 'manifests', args: ['scripts/check-manifests.ts'] },
  { name: 'pages', args: ['scripts/generate.ts', 'pages', '--check'] },
  { name: 'tests', args: [SOURCE, 'scripts/test.ts'], alone: true, show: true }
]

const words = process.argv.slice(2)
const wanted = words.filter(word => !word.startsWith('-'))
const unknown = wanted.filter(word => !STAGES.some(({ name }) => name === word))
if (unknown.length > 0) {
  console.error(`no stage is called ${unknown.join(', ')}: there are ${STAGES.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}

function isWanted ({ name }: Stage): boolean {
  return wanted.length > 0 ? wanted.includes(name) : name !== 'tests' || !words.includes('--skip-tests')
}

function tell (result: StageResult): void {
  console.log(describeStage(result))
  if (result.state === 'failed' && result.output !== '') console.log(result.output.trimEnd().replaceAll(/^/gm, '    '))
}

const begin = performance.now()
const results = await runStages(BUILD, STAGES.filter(isWanted), tell)
const bad = results.filter(({ state }) => state !== 'passed')
console.log(`\n${results.length - bad.length} of ${results.length} stages passed in ${((performance.now() - begin) / 1000).toFixed(0)} s${bad.length > 0 ? `; not ${bad.map(({ name }) => name).join(', ')}` : ''}`)
if (bad.length > 0) process.exitCode ??= 1
