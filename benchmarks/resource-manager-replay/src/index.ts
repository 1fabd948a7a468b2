/**
 * @packageDocumentation
 *
 * Whether our resource manager decides as go-libp2p does: replays two workloads of 200,000 random operations and
 * prints, for each, one line in the form of the Go program. Every number has to be equal for every seed. See README.md.
 *
 * @example
 *
 * ```sh
 * npm run --silent bench -- resource-manager-replay --seed 42 --json
 * ```
 */

import { parseArgs } from 'node:util'
import { replayLines } from './replay.ts'

const { values } = parseArgs({ options: { seed: { type: 'string', multiple: true }, json: { type: 'boolean' } } })
const seeds = (values.seed ?? ['1', '42', '3735928559']).map(Number)
const wrong = seeds.find(seed => !(Number.isInteger(seed) && seed >= 1 && seed < 2 ** 32))

if (wrong === undefined) {
  for (const seed of seeds) console.log(replayLines(seed).join('\n'))
} else {
  console.error(`a seed is a whole number from 1 to 4294967295, got ${wrong}`)
  process.exitCode = 2
}
