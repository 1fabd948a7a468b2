import type { Counts } from './count-reporter.ts'

/** The part of vitest's JSON report that is looked at */
export interface VitestReport {
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly status: string
    readonly assertionResults: ReadonlyArray<{ readonly status: string }>
  }>
}

/** Counts tests, and each file that failed without a failed test in it (it could not be loaded) as one failed test */
export function vitestCounts (report: VitestReport): Counts {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 }
  for (const { status, assertionResults } of report.testResults) {
    const failed = assertionResults.filter(result => result.status === 'failed').length
    const passed = assertionResults.filter(result => result.status === 'passed').length
    counts.failed += failed === 0 && status === 'failed' ? 1 : failed
    counts.passed += passed
    counts.skipped += assertionResults.length - failed - passed
  }
  return counts
}

export function addCounts (one: Counts, other: Counts): Counts {
  return { passed: one.passed + other.passed, failed: one.failed + other.failed, skipped: one.skipped + other.skipped }
}

/** The closing line of a test run */
export function describeCounts ({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}
