// Compares our resource manager with the live Go program on random seeds. Where there is no Go it says so and succeeds:
// the saved lines of three seeds are a test.
//
//   node --conditions=@cordon/source benchmarks/resource-manager-replay/src/compare.ts [how many seeds]

import { randomInt } from 'node:crypto'
import { goLines, hasGo } from './go.ts'
import { replayLines } from './replay.ts'

const count = Number(process.argv[2] ?? 20)
const seeds = Array.from({ length: count }, () => randomInt(1, 2 ** 32))

if (!hasGo()) {
  console.log('there is no Go here, so nothing was compared')
} else {
  const theirs = goLines(seeds)
  const ours = seeds.flatMap(replayLines)
  const different = ours.findIndex((line, index) => line !== theirs[index])
  if (different >= 0 || ours.length !== theirs.length) {
    console.error(`seed ${seeds[different >> 1]}: not equal\nours   ${ours[different]}\ngo's   ${theirs[different]}`)
    process.exitCode = 1
  } else {
    console.log(`${ours.length} lines of ${seeds.length} seeds are equal: ${seeds.join(' ')}`)
  }
}
