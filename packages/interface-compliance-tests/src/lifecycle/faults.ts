import { describe, expect, it } from 'vitest'
import { fakeStream } from '../fakes.ts'
import { EVICTED, everyStage, expectGone, NO, pass, witness } from './harness.ts'
import type { Answers, Context } from './harness.ts'

const MISTAKES: ReadonlyArray<readonly [string, () => unknown]> = [
  ['throws', () => { throw new Error('a bug') }],
  ['throws what is no error', () => { throw 'a string' }], // eslint-disable-line @typescript-eslint/only-throw-error
  ['answers with a promise', () => Promise.resolve()],
  ['answers with a promise of a refusal', () => Promise.resolve(NO)],
  ['answers with a promise that rejects', () => Promise.reject(new Error('a late bug'))]
]

/** Goes as far as the step; a refusal ends the way */
const STEPS = ['opened', 'raw', 'identified', 'secured', 'ready'] as const

export function faults ({ start }: Context): void {
  describe('participants that misbehave', () => {
    describe.each(MISTAKES)('one that %s', (_name, mistake) => {
      it.each(STEPS)('at `%s` refuses, and still is let go of', async (step) => {
        const log: string[] = []
        const harness = await start({ participants: everyStage(log, { admit: { [step]: mistake } }) })
        const raw = harness.raw()
        const record = harness.driver.open(raw)
        if ('code' in record) throw new Error('refused by the gate')
        const refusal = harness.enter(record) ?? harness.identify(record) ?? harness.upgrade({ record, raw })
        expect(refusal ?? record.reason?.refusal).toMatchObject({ code: 'fault', module: 'admit' })
        await pass()
        expectGone(harness, record)
        expect(raw.ended).toBe(true)
        expect(record.reason).toMatchObject({ code: 'refused', by: 'local', refusal: { code: 'fault', module: 'admit' } })
        expect(log.filter(entry => entry === 'admit.closed')).toEqual(['admit.closed'])
        if (step !== 'ready') expect(log.filter(entry => entry.endsWith('.ready'))).toEqual([])
        expect(harness.lifecycle.stats()).toMatchObject({ faults: { admit: 1 }, refused: { admit: 1 } })
      })

      it('at `closed` stops nobody', async () => {
        const log: string[] = []
        const harness = await start({ participants: everyStage(log, { admit: { closed: mistake } }) })
        const { record } = harness.connect()
        await harness.lifecycle.close(record, EVICTED)
        expect(log.filter(entry => entry.endsWith('.closed'))).toEqual(['observe', 'admit', 'account', 'gate'].map(name => `${name}.closed`))
        expect(harness.lifecycle.stats().faults).toEqual({ admit: 1 })
        expect(harness.told(record).at(-1)).toBe('connection:closed')
      })

      it('at `dial` refuses', async () => {
        const harness = await start({ participants: [witness([], 'bad', 'gate', { dial: mistake })] })
        expect(harness.driver.dial({})).toMatchObject({ code: 'fault', module: 'bad' })
        expect(harness.lifecycle.stats().faults).toEqual({ bad: 1 })
      })

      it('at a step of a stream refuses the stream, and not the connection', async () => {
        for (const step of ['streamOpened', 'streamNegotiated'] as const) {
          const log: string[] = []
          const answers: Answers = { [step]: mistake }
          const harness = await start({ participants: [witness(log, 'bad', 'account', answers)] })
          const { record } = harness.connect()
          const stream = harness.driver.streamOpened(record, 'inbound', fakeStream('inbound'))
          const refusal = 'code' in stream ? stream : harness.driver.streamNegotiated(stream, '/echo/1.0.0')
          expect(refusal).toMatchObject({ code: 'fault', module: 'bad' })
          if (!('code' in stream)) harness.driver.streamClosed(stream)
          expect(log.filter(entry => entry.endsWith('.streamClosed'))).toEqual(['bad.streamClosed'])
          expect(record.state).toBe('ready')
          expect(harness.lifecycle.stats()).toMatchObject({ streams: 0, faults: { bad: 1 } })
        }
      })
    })
  })
}
