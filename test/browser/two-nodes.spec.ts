import { cordon } from '@cordon/cordon'
import { buildMemoryNode, eventually, stopAll } from '@cordon/testing'
import { afterEach, describe, expect, it } from 'vitest'
import type { ConnectionLifecycle, LifecycleEvent } from '@cordon/interface-connection-lifecycle'
import type { BaseServices } from '@cordon/testing'
import type { Libp2p } from 'libp2p'

const EVENTS = ['connection:opened', 'connection:identified', 'connection:ready', 'connection:refused', 'handshake:failed', 'connection:closed'] as const

type Guarded = BaseServices & { lifecycle: ConnectionLifecycle }

async function guarded (): Promise<{ node: Libp2p<Guarded>, events: LifecycleEvent[] }> {
  const node = await buildMemoryNode({ compose: options => cordon(options) })
  const events: LifecycleEvent[] = []

  for (const type of EVENTS) {
    node.services.lifecycle.addEventListener(type, event => { events.push(event.detail) })
  }

  return { node, events }
}

afterEach(stopAll)

describe('two guarded nodes over the memory transport', () => {
  it('connect, ping and close, and both tell of it in order', async () => {
    const dialler = await guarded()
    const listener = await guarded()
    const connection = await dialler.node.dial(listener.node.getMultiaddrs())
    const roundTrip = await dialler.node.services.ping.ping(listener.node.peerId)
    expect(roundTrip).toBeGreaterThanOrEqual(0)

    await eventually(() => listener.node.services.lifecycle.stats().records.ready === 1)
    expect([dialler, listener].map(({ node }) => [...node.services.lifecycle.records()].map(({ direction, state }) => ({ direction, state })))).toEqual([
      [{ direction: 'outbound', state: 'ready' }],
      [{ direction: 'inbound', state: 'ready' }]
    ])

    await connection.close()
    await eventually(() => dialler.node.services.lifecycle.size + listener.node.services.lifecycle.size === 0)

    for (const { node, events } of [dialler, listener]) {
      expect(events.map(({ type }) => type)).toEqual(['connection:opened', 'connection:identified', 'connection:ready', 'connection:closed'])
      expect(new Set(events.map(event => 'record' in event ? event.record.id : undefined)).size).toBe(1)
      await eventually(() => node.services.lifecycle.stats().streams === 0)
    }

    expect(reasonOf(dialler.events)).toEqual({ code: 'local-close', by: 'local' })
    expect(reasonOf(listener.events)).toEqual({ code: 'remote-close', by: 'remote' })
  })

  it('tell that the other one has stopped', async () => {
    const dialler = await guarded()
    const listener = await guarded()
    await dialler.node.dial(listener.node.getMultiaddrs())
    await listener.node.stop()
    await eventually(() => dialler.node.services.lifecycle.size === 0)

    expect(reasonOf(dialler.events)?.by).toBe('remote')
    expect(listener.node.services.lifecycle.size).toBe(0)
    expect(dialler.node.getConnections()).toEqual([])
  })
})

function reasonOf (events: LifecycleEvent[]): { code: string, by: string } | undefined {
  const last = events.at(-1)

  return last?.type === 'connection:closed' ? { code: last.reason.code, by: last.reason.by } : undefined
}
