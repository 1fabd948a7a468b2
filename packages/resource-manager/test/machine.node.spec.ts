import { spawnSync } from 'node:child_process'
import os from 'node:os'
import v8 from 'node:v8'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { thisMachine } from '../src/index.ts'

const GiB = 2 ** 30

afterEach(() => { vi.restoreAllMocks() })

/** What the machine, V8 and the control group say, in bytes */
function machineWith (total: number, heap: number, group: number): void {
  vi.spyOn(os, 'totalmem').mockReturnValue(total)
  const statistics = v8.getHeapStatistics()
  vi.spyOn(v8, 'getHeapStatistics').mockReturnValue({ ...statistics, heap_size_limit: heap })
  vi.spyOn(process, 'constrainedMemory').mockReturnValue(group)
}

describe('what a machine has', () => {
  it.each([
    ['the machine', 1 * GiB, 2 * GiB, 3 * GiB, 1 * GiB],
    ['V8', 3 * GiB, 1 * GiB, 2 * GiB, 1 * GiB],
    ['the control group', 3 * GiB, 2 * GiB, 1 * GiB, 1 * GiB],
    ['V8, where there is no control group', 3 * GiB, 2 * GiB, 0, 2 * GiB],
    ['V8, where the control group has no limit', 3 * GiB, 2 * GiB, 2 ** 64, 2 * GiB]
  ])('BUG-15: is the least that any of them allows: here %s', (_, total, heap, group, memory) => {
    machineWith(total, heap, group)
    expect(thisMachine().memory).toBe(memory)
  })

  it.runIf(process.platform === 'linux')('96: in descriptors it is what a shell is told that runs in it', () => {
    const told = spawnSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).stdout.trim()
    expect(thisMachine().fileDescriptors).toBe(told === 'unlimited' ? Infinity : Number(told))
    expect(thisMachine().fileDescriptors).toBeGreaterThan(0)
  })
})
