import { relative } from 'node:path'
import type { EventData } from 'node:test'

type TestEvent = { type: 'test:pass', data: EventData.TestPass } | { type: 'test:fail', data: EventData.TestFail } | { type: string, data: unknown }

/** How many tests had which end; suites are no tests */
export interface Counts {
  passed: number
  skipped: number
  /** Which failed, each by its file, its name and the beginning of its error */
  readonly failures: string[]
}

/** So much is kept of each failure, in characters */
const ERROR = 400

export function describeFailure (file: string, test: string, error = ''): string {
  const lines = error.split('\n').map(line => line.trim()).filter(line => line !== '' && !(line.startsWith('at ') && line.includes('node_modules')))
  return `${file}: ${test}\n${lines.join('\n')}`.slice(0, ERROR).trim().replaceAll('\n', '\n    ')
}

/** A reporter for `node --test` that writes its counts as one line of JSON */
export default async function * countReporter (source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const counts: Counts = { passed: 0, skipped: 0, failures: [] }
  for await (const event of source) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    const data = event.data as EventData.TestPass | EventData.TestFail
    // A file that cannot be loaded is reported as one failed test under its own name; a suite has a `type`
    if (data.details.type === 'suite') continue
    if (data.skip != null || data.todo != null) counts.skipped++
    else if (event.type === 'test:pass') counts.passed++
    else counts.failures.push(describeFailure(relative(process.cwd(), data.file ?? ''), data.name, (data as EventData.TestFail).details.error.message))
  }
  yield `${JSON.stringify(counts)}\n`
}
