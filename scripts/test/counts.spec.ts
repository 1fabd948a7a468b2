import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { addCounts, describeCounts, vitestCounts } from '../lib/test-counts.ts'
import { root } from '../lib/workspace.ts'
import { folderWith } from './fixture.ts'
import type { VitestReport } from '../lib/test-counts.ts'

const file = (status: string, ...tests: string[]): VitestReport['testResults'][number] =>
  ({ name: join(root, 'x.spec.ts'), status, assertionResults: tests.map((test, index) => ({ status: test, fullName: `test ${index}`, failureMessages: test === 'failed' ? ['Error: not so\n\n  at x'] : [] })) })

describe('the count of tests', () => {
  it('adds what the files report', () => {
    expect(vitestCounts({ testResults: [file('passed', 'passed', 'pending', 'todo'), file('failed', 'failed', 'passed')] }))
      .toEqual({ passed: 2, skipped: 2, failures: ['x.spec.ts: test 0\n    Error: not so\n    at x'] })
  })

  it('takes a file that could not be loaded for one failed test', () => {
    expect(vitestCounts({ testResults: [{ ...file('failed'), message: 'Cannot find package in node_modules\n  at x/node_modules/y' }] })).toEqual({ passed: 0, skipped: 0, failures: ['x.spec.ts: the file as a whole\n    Cannot find package in node_modules'] })
  })

  it('has the closing line that tools look for', () => {
    const sum = addCounts({ passed: 1, skipped: 3, failures: ['a'] }, { passed: 10, skipped: 30, failures: ['b', 'c'] })
    expect(sum.failures).toEqual(['a', 'b', 'c'])
    expect(describeCounts(sum)).toBe('11 passed, 3 failed, 33 skipped')
  })

  it('counts the tests of node:test, and neither its suites nor its files', () => {
    const top = folderWith({
      'a.test.mjs': [
        'import { describe, it } from "node:test"',
        'describe("suite", () => { it("passes", () => {}); it("fails", () => { throw new Error("x") }); it.skip("is skipped", () => {}); it.todo("is to do") })',
        'it("passes too", () => {})'
      ].join('\n'),
      'b.test.mjs': 'throw new Error("cannot be loaded")'
    })
    const report = join(top, 'counts.json')
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'NODE_TEST_CONTEXT' && name !== 'NODE_OPTIONS'))
    spawnSync(process.execPath, ['--test', `--test-reporter=${join(root, 'scripts/lib/count-reporter.ts')}`, `--test-reporter-destination=${report}`, 'a.test.mjs', 'b.test.mjs'], { cwd: top, env })
    expect(JSON.parse(readFileSync(report, 'utf8'))).toEqual({ passed: 2, skipped: 2, failures: ['a.test.mjs: fails\n    x', 'b.test.mjs: b.test.mjs\n    test failed'] })
  })
})
