import { relative } from 'node:path'
import { describeFailure } from './count-reporter.ts'
import { root } from './workspace.ts'
import type { Counts } from './count-reporter.ts'

/** The part of vitest's JSON report that is looked at */
export interface VitestReport {
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly status: string
    /** Why it failed as a whole */
    readonly message?: string
    readonly assertionResults: ReadonlyArray<{ readonly status: string, readonly fullName: string, readonly failureMessages: readonly string[] }>
  }>
}

/** Counts tests, and each file that failed without a failed test in it (it could not be loaded) as one failed test */
export function vitestCounts (report: VitestReport): Counts {
  const counts: Counts = { passed: 0, skipped: 0, failures: [] }
  for (const { name, status, message, assertionResults } of report.testResults) {
    const file = relative(root, name)
    const failed = assertionResults.filter(result => result.status === 'failed')
    const passed = assertionResults.filter(result => result.status === 'passed').length
    counts.failures.push(...failed.map(({ fullName, failureMessages }) => describeFailure(file, fullName, failureMessages[0])))
    if (failed.length === 0 && status === 'failed') counts.failures.push(describeFailure(file, 'the file as a whole', message))
    counts.passed += passed
    counts.skipped += assertionResults.length - failed.length - passed
  }
  return counts
}

export function addCounts (one: Counts, other: Counts): Counts {
  return { passed: one.passed + other.passed, skipped: one.skipped + other.skipped, failures: [...one.failures, ...other.failures] }
}

/** The closing line of a test run */
export function describeCounts ({ passed, skipped, failures }: Counts): string {
  return `${passed} passed, ${failures.length} failed, ${skipped} skipped`
}
