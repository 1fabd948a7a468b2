import { isRefusal } from '@cordon/interface-connection-lifecycle'
import { describe, expect, it } from 'vitest'
import { everyStage, EVICTED, expectGone, NO, pass, witness } from './harness.ts'
import type { Context } from './harness.ts'
import type { ConnectionRecord } from '@cordon/interface-connection-lifecycle'

export function refusals ({ start }: Context): void {
  describe('refusals', () => {
    it.each(['gate', 'account', 'admit', 'observe'] as const)('a refusal of %s at `opened` ends the raw connection and lets go of what was passed', async (stage) => {
      const log: string[] = []
      let seen: ConnectionRecord | undefined
      const no = { ...NO, module: stage }
      const participants = everyStage(log, { [stage]: { opened: (record: ConnectionRecord) => { seen = record; return no } } })
      const harness = await start({ participants })
      const { refusal, raw } = harness.refused()
      expect(refusal).toBe(no)
      expect(raw.aborted).toBe(true)
      await pass()
      const passed = participants.map(({ name }) => name).slice(0, participants.findIndex(({ name }) => name === stage))
      expect(log.filter(entry => entry.endsWith('.opened'))).toEqual([...passed, stage].map(name => `${name}.opened`))
      expect(log.filter(entry => entry.endsWith('.closed'))).toEqual(passed.toReversed().map(name => `${name}.closed`))
      // nobody is shown bytes before everybody who is asked together has agreed: the gates, then all others
      expect(log.filter(entry => entry.endsWith('.raw'))).toEqual(stage === 'gate' ? [] : ['gate.raw'])
      if (seen == null) throw new Error('nobody was asked')
      expectGone(harness, seen)
      expect(seen.reason).toMatchObject({ code: 'refused', by: 'local', refusal: no })
      expect(harness.events).toEqual([{ type: 'connection:refused', record: seen, refusal: no }])
      expect(harness.lifecycle.size).toBe(0)
      expect(harness.lifecycle.stats().refused).toEqual({ [stage]: 1 })
    })

    it.each(['identified', 'ready'] as const)('a refusal at `%s` closes, and lets go of everybody', async (step) => {
      const log: string[] = []
      const participants = everyStage(log, { admit: { [step]: () => NO } })
      const harness = await start({ participants })
      const opened = harness.open()
      const refusal = harness.identify(opened.record) ?? harness.upgrade(opened)
      expect(refusal).toBe(NO)
      await pass()
      expectGone(harness, opened.record)
      expect(opened.raw.ended).toBe(true)
      expect(opened.record.reason).toMatchObject({ code: 'refused', by: 'local', refusal: NO })
      expect(log).not.toContain(`observe.${step}`)
      expect(log.filter(entry => entry.endsWith('.closed'))).toEqual(['observe', 'admit', 'account', 'gate'].map(name => `${name}.closed`))
      expect(harness.told(opened.record)).toEqual([
        'connection:opened', ...(step === 'ready' ? ['connection:identified'] : []), 'connection:refused', 'connection:closed'
      ])
      expect(harness.lifecycle.stats()).toMatchObject({ readied: 0, refused: { [NO.module]: 1 }, closed: { refused: 1 } })
    })

    it('a refusal at `ready` after a handshake is the answer to it', async () => {
      const harness = await start({ participants: everyStage([], { admit: { ready: () => NO } }), host: { readiness: { name: 'handshake', holdDial: true } } })
      const { record } = harness.connect()
      expect(record.state).toBe('handshaking')
      expect(harness.lifecycle.handshakeSucceeded(record)).toBe(NO)
      await pass()
      expectGone(harness, record)
      expect(harness.of('connection:ready')).toEqual([])
    })

    it('the user\'s gater refuses between `open` and `account`', async () => {
      const log: string[] = []
      const harness = await start({ participants: everyStage(log) })
      const raw = harness.raw()
      const record = harness.driver.open(raw)
      if (isRefusal(record)) throw new Error('refused')
      const refusal = { code: 'gater', module: 'gater', message: 'denied' } as const
      harness.driver.refuse(record, refusal)
      harness.driver.refuse(record, NO)
      await pass()
      expect(raw.aborted).toBe(true)
      expectGone(harness, record)
      expect(harness.enter(record)).toBe(refusal)
      expect(log.filter(entry => entry.endsWith('.closed'))).toEqual(['gate.closed'])
      expect(log.filter(entry => entry.endsWith('.opened'))).toEqual(['gate.opened'])
      expect(harness.events).toEqual([{ type: 'connection:refused', record, refusal }])
      expect(harness.lifecycle.stats().refused).toEqual({ gater: 1 })
    })

    it('tells what closed a record before it was accounted for', async () => {
      const log: string[] = []
      const harness = await start({ participants: everyStage(log) })
      const raw = harness.raw()
      const record = harness.driver.open(raw)
      if (isRefusal(record)) throw new Error('refused')
      raw.lose()
      harness.lifecycle.lost(record, {})
      await pass()
      expect(isRefusal(harness.enter(record))).toBe(true)
      expect(log.filter(entry => entry.endsWith('.closed'))).toEqual(['gate.closed'])
      expect(log).not.toContain('account.opened')
      expect(harness.told(record)).not.toContain('connection:opened')
      expect(harness.told(record)).not.toContain('connection:closed')
    })

    it('asks everybody about a dial until one says no', async () => {
      const log: string[] = []
      const harness = await start({ participants: everyStage(log, { admit: { dial: () => NO } }) })
      expect(harness.driver.dial({})).toBe(NO)
      expect(log).toEqual(['gate.dial', 'account.dial', 'admit.dial'])
      expect(harness.events).toEqual([])
    })

    it('needs none of the steps', async () => {
      const harness = await start({ participants: [{ name: 'silent', participant: { stage: 'admit' } }] })
      expect(harness.driver.dial({})).toBeUndefined()
      const opened = harness.connect()
      expect(opened.record.state).toBe('ready')
      await harness.lifecycle.close(opened.record, EVICTED)
      expectGone(harness, opened.record)
    })

    it('lets a step end the record itself', async () => {
      const log: string[] = []
      const greedy = witness(log, 'greedy', 'admit', { identified: (record: ConnectionRecord) => { void record.close(EVICTED) } })
      const harness = await start({ participants: [greedy, witness(log, 'after', 'observe')] })
      const opened = harness.open()
      expect(isRefusal(harness.identify(opened.record) ?? harness.upgrade(opened))).toBe(true)
      await pass()
      expectGone(harness, opened.record)
      expect(opened.record.reason).toMatchObject(EVICTED)
      expect(log.filter(entry => entry.endsWith('.closed'))).toEqual(['after.closed', 'greedy.closed'])
      expect(log.filter(entry => entry.endsWith('.ready'))).toEqual([])
    })
  })
}
