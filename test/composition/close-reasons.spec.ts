import { dialler, eventually, portOf, stopAll } from '@cordon/testing/node'
import { afterEach, describe, expect, it } from 'vitest'
import { guarded, released } from './support.ts'
import type { GuardedNode } from './support.ts'
import type { Connection } from '@libp2p/interface'

type End = (own: GuardedNode, connection: Connection) => unknown

/** What one side does, what it is told, and what the other side is told */
const ENDS: ReadonlyArray<[string, End, string[], string[]]> = [
  ['closes the connection', async (_, connection) => connection.close(), ['local-close'], ['remote-close']],
  // the platform does not cut WebSockets, it closes them
  ['aborts the connection', (_, connection) => { connection.abort(new Error('enough')) }, ['local-abort'], ['remote-reset', 'remote-close']],
  ['closes its record', async ({ lifecycle }, connection) => lifecycle.forConnection(connection)?.close({ code: 'idle', by: 'local' }), ['idle'], ['remote-close']],
  ['hangs up', async ({ node }, connection) => node.hangUp(connection.remotePeer), ['local-close'], ['remote-close']],
  // in which order a listener and its connections end is up to each transport
  ['stops', async ({ node }) => node.stop(), ['shutdown'], ['remote-close', 'remote-reset']]
]

afterEach(stopAll)

describe.each(['tcp', 'ws', 'memory'] as const)('over %s, both sides know who ended a connection', transport => {
  describe.each(['dialler', 'listener'] as const)('when the %s', who => {
    it.each(ENDS)('%s', async (_, end, own, others) => {
      const from = await guarded({ transport })
      const to = await guarded({ transport })
      await from.node.dial(to.node.getMultiaddrs())
      await from.node.services.ping.ping(to.node.peerId)
      const [ender, other] = who === 'dialler' ? [from, to] : [to, from]
      const [connection] = ender.node.getConnections()
      if (connection == null) throw new Error('there is no connection')
      await end(ender, connection)
      await released(from, to)

      expect([ender.reasons.length, other.reasons.length]).toEqual([1, 1])
      expect([ender.reasons[0]?.by, other.reasons[0]?.by]).toEqual(['local', 'remote'])
      expect(own).toContain(ender.reasons[0]?.code)
      expect(others).toContain(other.reasons[0]?.code)
      expect([...ender.node.getConnections(), ...other.node.getConnections()]).toEqual([])
    })
  })
})

describe.each(['tcp', 'ws'] as const)('over %s, a remote process that', transport => {
  it.each([['resets its socket', 'reset'], ['dies', 'destroy']] as const)('%s has ended the connection', async (_, how) => {
    const own = await guarded({ transport })
    const remote = await dialler({ port: portOf(own.node, transport), transport })

    try {
      await remote.dial()
      await eventually(() => own.lifecycle.stats().readied === 1)
      remote.cut(how)
      await released(own)

      expect(own.reasons.map(({ by }) => by)).toEqual(['remote'])
      expect(['remote-reset', ...(how === 'destroy' ? ['remote-close'] : [])]).toContain(own.reasons[0]?.code)
    } finally {
      await remote.stop()
    }
  })
})

describe('a reason', () => {
  it('is that of the application, where it closes a record itself', async () => {
    const from = await guarded()
    const to = await guarded()
    await from.node.dial(to.node.getMultiaddrs())
    await eventually(() => to.lifecycle.stats().readied === 1)
    const [record] = to.lifecycle.records()
    await record?.close({ code: 'idle', by: 'local' })
    await released(from, to)

    expect(to.reasons).toEqual([{ code: 'idle', by: 'local' }])
    expect(from.reasons.map(({ by }) => by)).toEqual(['remote'])
  })

  it('keeps the error with which the application aborted', async () => {
    const from = await guarded()
    const to = await guarded()
    const connection = await from.node.dial(to.node.getMultiaddrs())
    const error = new Error('enough')
    connection.abort(error)
    await released(from, to)

    expect(from.reasons).toEqual([{ code: 'local-abort', by: 'local', error }])
  })
})
