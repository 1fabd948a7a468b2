import { cordon } from '@cordon/cordon'
import { buildNode, eventually, stopAll } from '@cordon/testing/node'
import { createLibp2p } from 'libp2p'
import { afterEach, describe, expect, expectTypeOf, it } from 'vitest'
import { failureOf, findError } from '../composition/support.ts'
import { foreignConnectionGater } from './foreign-connection-gater.ts'
import type { ForeignConnectionGater } from './foreign-connection-gater.ts'
import type { ForeignGaterInit } from './foreign-gater.ts'
import type { Registry } from '@cordon/interface-component-registry'
import type { CloseReason, ConnectionLifecycle } from '@cordon/interface-connection-lifecycle'
import type { Connection } from '@libp2p/interface'
import type { Libp2p } from 'libp2p'

type Node = Libp2p<{ lifecycle: ConnectionLifecycle, registry: Registry, gater: ForeignConnectionGater }>

async function guarded (init: ForeignGaterInit = {}): Promise<Node> {
  return buildNode({
    transport: 'tcp',
    compose: options => cordon({ ...options, services: undefined, connectionMonitor: { enabled: false } }, { gater: foreignConnectionGater(init) })
  })
}

async function connect (from: Node, to: Node): Promise<Connection> {
  return from.dial(to.getMultiaddrs(), { force: true })
}

/** How connections ended, in order */
function reasons (node: Node): CloseReason[] {
  const all: CloseReason[] = []
  node.services.lifecycle.addEventListener('connection:closed', ({ detail: { reason } }) => { all.push(reason) })
  return all
}

async function expectAlone (...nodes: Node[]): Promise<void> {
  await eventually(() => { for (const node of nodes) expect(node.services.lifecycle.size).toBe(0) })
}

const id = (node: Node): string => node.peerId.toString()

describe('a node over TCP with a foreign gater', () => {
  afterEach(stopAll)

  it('has the one that was put in, by type and by name', async () => {
    const { services } = await createLibp2p({ ...cordon({}, { gater: foreignConnectionGater() }), start: false })
    expectTypeOf(services.gater).toEqualTypeOf<ForeignConnectionGater>()
    expect(services.gater).toMatchObject({ [Symbol.toStringTag]: '@cordon/foreign-connection-gater' })
  })

  it('lets in everybody at first, and nobody whom it blocks by address, with the refusal as the reason', async () => {
    const [here, there] = [await guarded(), await guarded()]
    await (await connect(here, there)).close()
    await expectAlone(here, there)
    const ends = reasons(there)
    await there.services.gater.block('::ffff:127.0.0.1', { direction: 'inbound' })
    await failureOf(connect(here, there))
    await eventually(() => there.services.lifecycle.stats().refused['gater'] === 1)
    await expectAlone(here, there)
    // refused before there was anything to close
    expect(ends).toEqual([])
    expect(await there.services.gater.unblock('127.0.0.1')).toBe(1)
    await connect(here, there)
  })

  it('closes what is open when a peer is blocked, and lets in its neighbour at the same address', async () => {
    const [there, bad, good] = [await guarded(), await guarded(), await guarded()]
    const ends = reasons(there)
    await connect(bad, there)
    const kept = await connect(good, there)
    await eventually(() => there.services.lifecycle.stats().records.ready === 2)
    await there.services.gater.block({ peer: id(bad) }, { reason: 'rude' })
    await eventually(() => there.services.lifecycle.size === 1)
    expect(ends).toMatchObject([{ code: 'refused', by: 'local', refusal: { code: 'blocked', cause: 'peer', rule: { reason: 'rude' } } }])

    await failureOf(connect(bad, there))
    await eventually(() => ends.length === 2)
    expect(ends[1]).toMatchObject({ code: 'refused', refusal: { cause: 'peer' } })
    await expectAlone(bad)
    expect(kept.status).toBe('open')
  })

  it('leaves open what the operator wants to leave open', async () => {
    const [here, there] = [await guarded(), await guarded()]
    const connection = await connect(here, there)
    await eventually(() => there.services.lifecycle.stats().records.ready === 1)
    await there.services.gater.block({ peer: id(here) }, { close: false })
    await there.services.gater.block('192.0.2.0/24')
    await failureOf(connect(here, there))
    expect(connection.status).toBe('open')
    expect(there.services.lifecycle.stats().records.ready).toBe(1)
  })

  it('does not dial whom it blocks', async () => {
    const [here, there] = [await guarded(), await guarded()]
    for (const subject of [{ peer: id(there) }, { cidr: '127.0.0.0/8' }, { transport: 'tcp' }]) {
      await here.services.gater.block(subject)
      expect(findError(await failureOf(connect(here, there)), 'DialDeniedError')).toBeDefined()
      await here.services.gater.unblock(subject)
    }
    expect(there.services.lifecycle.stats().opened).toBe(0)
    await connect(here, there)
  })

  it('in a private network lets in only whom it allows, until it does so no more', async () => {
    const [there, friend, stranger] = [await guarded({ default: 'block' }), await guarded(), await guarded()]
    await there.services.gater.allow({ peer: id(friend) })
    const ends = reasons(there)
    const kept = await connect(friend, there)
    await failureOf(connect(stranger, there))
    await eventually(() => ends.length === 1)
    expect(ends).toMatchObject([{ code: 'refused', refusal: { cause: 'default' } }])
    expect(kept.status).toBe('open')
    expect(await there.services.gater.disallow({ peer: id(friend) })).toBe(1)
    await expectAlone(there, friend)
    expect(ends[1]).toMatchObject({ code: 'refused', refusal: { cause: 'default' } })
  })

  it('blocks who is struck, and ends what they have open', async () => {
    const [here, there] = [await guarded(), await guarded()]
    await connect(here, there)
    await eventually(() => there.services.lifecycle.stats().records.ready === 1)
    expect(there.services.gater.strike({ peer: id(here) }, 60, 'noise')).toMatchObject({ outcome: 'disconnect' })
    expect(there.services.lifecycle.size).toBe(1)
    expect(there.services.gater.strike({ peer: id(here) }, 60, 'noise')).toMatchObject({ outcome: 'blocked' })
    await expectAlone(here, there)
    await failureOf(connect(here, there))
    await eventually(() => there.services.gater.status().refusals.peer === 1)
    await expectAlone(here, there)
  })

  it('loads a list while others are connected, and ends those whom it names', async () => {
    const [here, there] = [await guarded(), await guarded()]
    await connect(here, there)
    await eventually(() => there.services.lifecycle.stats().records.ready === 1)
    await there.services.gater.loadList('feed', { content: `192.0.2.1\n${id(here)}\n` })
    await expectAlone(here, there)
    there.services.gater.dropList('feed')
    await connect(here, there)
  })
})
