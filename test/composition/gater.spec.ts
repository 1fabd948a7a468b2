import { cordon } from '@cordon/cordon'
import { participantSymbol } from '@cordon/interface-connection-lifecycle'
import { buildMemoryNode, stopAll } from '@cordon/testing'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import type { CloseReason, Participant } from '@cordon/interface-connection-lifecycle'
import type { ConnectionGater } from '@libp2p/interface'

const LISTENS: ReadonlyArray<keyof ConnectionGater> = ['denyInboundConnection', 'denyInboundEncryptedConnection', 'denyInboundUpgradedConnection']
const DIALS: ReadonlyArray<keyof ConnectionGater> = ['denyDialPeer', 'denyDialMultiaddr', 'denyOutboundConnection', 'denyOutboundEncryptedConnection', 'denyOutboundUpgradedConnection']

const hang = async (): Promise<boolean> => new Promise(() => {})
const never = (): void => {}

async function pair (gater: ConnectionGater, guarded: 'listener' | 'dialler', participant: Participant = { stage: 'gate' }): Promise<{ dial: () => Promise<unknown>, reasons: CloseReason[], live: () => number, readied: () => number, faults: () => number }> {
  const reasons: CloseReason[] = []
  const ours = await buildMemoryNode({
    compose: options => cordon({ ...options, connectionGater: gater }, { mine: () => ({ [participantSymbol]: participant }) }, { gaterTimeout: 50 })
  })
  const theirs = await buildMemoryNode()
  const { lifecycle, registry } = ours.services
  lifecycle.addEventListener('connection:closed', event => { reasons.push(event.detail.reason) })
  const [from, to] = guarded === 'listener' ? [theirs, ours] : [ours, theirs]

  return {
    dial: async () => from.dial(to.getMultiaddrs()),
    reasons,
    live: () => lifecycle.size,
    readied: () => lifecycle.stats().readied,
    faults: () => registry.status().gaterFaults
  }
}

afterEach(stopAll)

describe('the gater of the user', () => {
  for (const [guarded, methods] of [['listener', LISTENS], ['dialler', DIALS]] as const) {
    for (const method of methods) {
      it(`${method} is asked once, and only true denies`, async () => {
        let asked = 0
        const gater: ConnectionGater = { [method]: () => { asked++ } }
        const node = await pair(gater, guarded)
        await node.dial()

        expect(asked).toBe(1)
      })

      it.each<[string, () => unknown]>([
        ['true', () => true],
        ['a promise of true', async () => Promise.resolve(true)],
        ['an error', () => { throw new Error('gater is broken') }],
        ['a rejection', async () => Promise.reject(new Error('gater is broken'))],
        ['no answer in time', hang]
      ])(`${method} that gives %s denies`, async (_, answer) => {
        const node = await pair({ [method]: answer }, guarded)
        // a listener that says no late does so when the dialler believes that it is connected
        const dialled = await node.dial().then(() => true, () => false)

        await expect.poll(node.live).toBe(0)
        expect(node.readied()).toBe(0)
        expect(dialled && guarded === 'dialler').toBe(false)
      })
    }
  }

  it.each([
    ['denyInboundEncryptedConnection', 'listener'], ['denyInboundUpgradedConnection', 'listener'],
    ['denyOutboundConnection', 'dialler'], ['denyOutboundEncryptedConnection', 'dialler'], ['denyOutboundUpgradedConnection', 'dialler']
  ] as const)('%s is named as the reason for which a connection of the %s ended', async (method, guarded) => {
    const node = await pair({ [method]: () => true }, guarded)
    await node.dial().catch(() => {})
    await expect.poll(node.live).toBe(0)

    expect(node.reasons).toMatchObject([{ code: 'refused', by: 'local', refusal: { code: 'gater', module: 'connectionGater' } }])
  })

  it('is counted when it throws or does not answer, and a late answer is ignored', async () => {
    let answer: (denied: boolean) => void = never
    const node = await pair({ denyInboundConnection: async () => new Promise(resolve => { answer = resolve }) }, 'listener')

    await expect(node.dial()).rejects.toThrow()
    answer(false)
    await expect.poll(node.live).toBe(0)
    expect(node.faults()).toBe(1)
  })

  it('filters the addresses of peers as before', async () => {
    const asked: string[] = []
    const gater: ConnectionGater = {
      filterMultiaddrForPeer: (peer, multiaddr) => {
        asked.push(`${peer.toString()} ${multiaddr.toString()}`)

        return multiaddr.equals(kept)
      }
    }
    const node = await buildMemoryNode({ compose: options => cordon({ ...options, connectionGater: gater }) })
    const { peerId } = await buildMemoryNode()
    const [kept, dropped] = [multiaddr('/ip4/192.0.2.1/tcp/1'), multiaddr('/ip4/192.0.2.2/tcp/1')]
    const { addresses } = await node.peerStore.merge(peerId, { multiaddrs: [kept, dropped] })

    expect(addresses.map(({ multiaddr }) => multiaddr.toString())).toEqual([kept.toString()])
    expect(asked).toContain(`${peerId.toString()} ${dropped.toString()}`)

    // libp2p's peer store asks the gater of the user itself; whoever asks the one of the node gets the same answer
    const { connectionGater } = (node as unknown as { components: { connectionGater: ConnectionGater } }).components
    expect([kept, dropped].map(address => connectionGater.filterMultiaddrForPeer?.(peerId, address))).toEqual([true, false])
  })

  it('is asked about an inbound connection after the gate stage and before the account stage', async () => {
    for (const [stage, before] of [['gate', true], ['account', false]] as const) {
      const order: string[] = []
      const node = await pair({ denyInboundConnection: () => { order.push('gater'); return false } }, 'listener', { stage, opened: () => { order.push(stage); return undefined } })
      await node.dial()

      expect(order).toEqual(before ? ['gate', 'gater'] : ['gater', 'account'])
    }
  })

  it('holds no place of a connection that ended while it thought', async () => {
    let answer: (denied: boolean) => void = never
    const asked = Promise.withResolvers<true>()
    const node = await pair({
      denyInboundEncryptedConnection: async (_, raw) => new Promise(resolve => {
        answer = resolve
        raw.abort(new Error('gone'))
        asked.resolve(true)
      })
    }, 'listener')
    const dial = node.dial()
    await asked.promise
    answer(false)

    await expect(dial).rejects.toThrow()
    await expect.poll(node.live).toBe(0)
  })
})
