import { isRefusal } from '@cordon/interface-connection-lifecycle'
import { describe, expect, it } from 'vitest'
import { fakeStream } from '../fakes.ts'
import { everyStage, EVICTED, NO, pass } from './harness.ts'
import type { Context, Harness } from './harness.ts'
import type { StreamRecord } from '@cordon/interface-connection-lifecycle'
import type { ConnectionRecord, Direction } from '@cordon/interface-connection-lifecycle'

const STAGE_NAMES = ['gate', 'account', 'admit', 'observe']

function open ({ driver }: Harness, record: ConnectionRecord, direction: Direction = 'inbound'): StreamRecord {
  const stream = direction === 'inbound' ? driver.streamOpened(record, direction, fakeStream(direction)) : driver.streamOpened(record, direction)
  if (isRefusal(stream)) throw new Error(stream.message)
  return stream
}

export function streams ({ start }: Context): void {
  describe('streams', () => {
    it('are announced, negotiated and let go of', async () => {
      const log: string[] = []
      const harness = await start({ participants: everyStage(log) })
      const { record } = harness.connect()
      log.length = 0
      const stream = open(harness, record)
      expect(stream).toMatchObject({ connection: record, direction: 'inbound' })
      expect(stream.stream).toBeDefined()
      expect(stream.protocol).toBeUndefined()
      expect(harness.lifecycle.stats().streams).toBe(1)
      expect(harness.driver.streamNegotiated(stream, '/echo/1.0.0', 'echo')).toBeUndefined()
      expect(stream).toMatchObject({ protocol: '/echo/1.0.0', service: 'echo' })
      harness.driver.streamClosed(stream)
      harness.driver.streamClosed(stream)
      expect(log).toEqual([
        ...STAGE_NAMES.map(name => `${name}.streamOpened`),
        ...STAGE_NAMES.map(name => `${name}.streamNegotiated`),
        ...STAGE_NAMES.toReversed().map(name => `${name}.streamClosed`)
      ])
      expect(harness.lifecycle.stats().streams).toBe(0)
    })

    it('have ids of their own, and outbound ones no stream until there is one', async () => {
      const harness = await start()
      const { record } = harness.connect()
      const [a, b] = [open(harness, record, 'outbound'), open(harness, record, 'outbound')]
      expect(a.id).not.toBe(b.id)
      expect(a.stream).toBeUndefined()
      const made = fakeStream('outbound')
      harness.driver.streamCreated(a, made)
      expect(a.stream).toBe(made)
      expect(b.stream).toBeUndefined()
    })

    it('that are refused hold nothing', async () => {
      const log: string[] = []
      const harness = await start({ participants: everyStage(log, { admit: { streamOpened: () => NO } }) })
      const { record } = harness.connect()
      log.length = 0
      expect(harness.driver.streamOpened(record, 'inbound', fakeStream('inbound'))).toBe(NO)
      expect(log).toEqual(['gate.streamOpened', 'account.streamOpened', 'admit.streamOpened', 'account.streamClosed', 'gate.streamClosed'])
      expect(harness.lifecycle.stats()).toMatchObject({ streams: 0, refused: { [NO.module]: 1 } })
      expect(record.state).toBe('ready')
    })

    it('that are refused once negotiated are let go of by everybody', async () => {
      const log: string[] = []
      const harness = await start({ participants: everyStage(log, { admit: { streamNegotiated: () => NO } }) })
      const { record } = harness.connect()
      const stream = open(harness, record)
      log.length = 0
      expect(harness.driver.streamNegotiated(stream, '/echo/1.0.0')).toBe(NO)
      expect(log).toEqual(['gate.streamNegotiated', 'account.streamNegotiated', 'admit.streamNegotiated'])
      harness.driver.streamClosed(stream)
      expect(log.slice(3)).toEqual(STAGE_NAMES.toReversed().map(name => `${name}.streamClosed`))
      expect(record.state).toBe('ready')
    })

    it('are refused on a connection that has ended', async () => {
      const log: string[] = []
      const harness = await start({ participants: everyStage(log) })
      const { record } = harness.connect()
      await harness.lifecycle.close(record, EVICTED)
      log.length = 0
      expect(isRefusal(harness.driver.streamOpened(record, 'outbound'))).toBe(true)
      expect(log).toEqual([])
      expect(harness.lifecycle.stats().streams).toBe(0)
    })

    it('that outlive their connection are let go of once, when their handler has settled', async () => {
      const log: string[] = []
      const harness = await start({ participants: everyStage(log) })
      const opened = harness.connect()
      const stream = open(harness, opened.record)
      harness.lose(opened)
      await pass()
      harness.driver.streamClosed(stream)
      harness.driver.streamClosed(stream)
      expect(log.filter(entry => entry.endsWith('.streamClosed'))).toEqual(STAGE_NAMES.toReversed().map(name => `${name}.streamClosed`))
      expect(harness.lifecycle.stats().streams).toBe(0)
    })

    it('may be opened while a handshake runs', async () => {
      const harness = await start({ host: { readiness: { name: 'handshake', holdDial: false } } })
      const { record } = harness.connect()
      expect(open(harness, record, 'outbound').connection).toBe(record)
    })
  })
}
