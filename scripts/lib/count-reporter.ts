import type { EventData } from 'node:test'

type TestEvent = { type: 'test:pass', data: EventData.TestPass } | { type: 'test:fail', data: EventData.TestFail } | { type: string, data: unknown }

/** How many tests had which end; suites are no tests */
export interface Counts {
  passed: number
  failed: number
  skipped: number
}

/** A reporter for `node --test` that writes its counts as one line of JSON */
export default async function * countReporter (source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 }
  for await (const event of source) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    const data = event.data as EventData.TestPass | EventData.TestFail
    // A file that cannot be loaded is reported as one failed test under its own name; a suite has a `type`
    if (data.details.type === 'suite') continue
    if (data.skip != null || data.todo != null) counts.skipped++
    else if (event.type === 'test:pass') counts.passed++
    else counts.failed++
  }
  yield `${JSON.stringify(counts)}\n`
}
