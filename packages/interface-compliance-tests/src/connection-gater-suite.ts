import { isConnectionGater, isGateRefusal } from '@cordon/interface-connection-gater'
import { afterEach, describe, expect, it } from 'vitest'
import { ip4 } from './resource-manager/harness.ts'
import type { TestSetup } from './test-setup.ts'
import type { ConnectionGater, GateTarget, RuleAction } from '@cordon/interface-connection-gater'
import type { Clock } from '@cordon/interface-connection-lifecycle'

/** What a test asks for */
export interface ConnectionGaterArgs {
  /** What is done with whom no rule covers */
  readonly default: RuleAction

  /** What durations are measured with */
  readonly clock: Clock
}

const PEER = '12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9'
const OTHER = 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'

const ADDRESS = ip4(192, 0, 2, 1)
const ELSEWHERE = ip4(198, 51, 100, 1)

/** Every moment at which somebody at an address, or a peer, is asked about, as go-libp2p's gater has them */
const addressDial: GateTarget = { direction: 'outbound', address: ADDRESS }
const accept: GateTarget = { direction: 'inbound', address: ADDRESS }
const peerDial: GateTarget = { direction: 'outbound', peer: PEER }
const securedInbound: GateTarget = { direction: 'inbound', address: ELSEWHERE, peer: PEER }
const securedOutbound: GateTarget = { direction: 'outbound', address: ELSEWHERE, peer: PEER }
const ALL = [addressDial, accept, peerDial, securedInbound, securedOutbound]

/**
 * What the interface promises of a `ConnectionGater`, among it the assertions that were read off go-libp2p's own tests. That
 * rules are kept is for the implementation to show, and that it is a sound participant for `participantSuite`.
 */
export function connectionGaterSuite (setup: TestSetup<ConnectionGater, ConnectionGaterArgs>): void {
  describe('a connection gater', () => {
    let now = 1_000_000
    const clock: Clock = { now: () => now, schedule: () => ({ cancel: () => {} }) }
    const make = async (byDefault: RuleAction = 'allow'): Promise<ConnectionGater> => setup.setup({ default: byDefault, clock })
    const denied = (gater: ConnectionGater, targets: readonly GateTarget[] = ALL): GateTarget[] => targets.filter(target => gater.decide(target) !== undefined)

    afterEach(async () => { await setup.teardown() })

    it('shows itself by its symbol', async () => {
      expect(isConnectionGater(await make())).toBe(true)
    })

    it('158: allows everything at first', async () => {
      const gater = await make()
      expect(denied(gater)).toEqual([])
      expect(ALL.map(target => gater.verdict(target).decision)).toEqual(ALL.map(() => 'unknown'))
    })

    it('159 and 163: denies a blocked peer, also once an outbound connection is secured, and no other one, until it is unblocked', async () => {
      const gater = await make()
      await gater.block({ peer: PEER })
      expect(denied(gater)).toEqual([peerDial, securedInbound, securedOutbound])
      expect(denied(gater, [{ ...securedInbound, peer: OTHER }])).toEqual([])
      expect(await gater.unblock({ peer: PEER })).toBe(1)
      expect(denied(gater)).toEqual([])
    })

    it('160 and 163: denies a blocked address, whoever is there, and no other one, until it is unblocked', async () => {
      const gater = await make()
      await gater.block({ ip: ADDRESS.key })
      expect(denied(gater)).toEqual([addressDial, accept])
      expect(denied(gater, [{ ...accept, peer: PEER }])).toHaveLength(1)
      expect(await gater.unblock({ ip: ADDRESS.key })).toBe(1)
      expect(denied(gater)).toEqual([])
    })

    it('161 and 163: denies what is in a blocked range, and nothing outside of it, until it is unblocked', async () => {
      const gater = await make()
      await gater.block({ cidr: '192.0.2.0/24' })
      expect(denied(gater, [{ direction: 'inbound', address: ip4(192, 0, 2, 255) }, { direction: 'inbound', address: ip4(192, 0, 3, 0) }])).toHaveLength(1)
      expect(await gater.unblock({ cidr: '192.0.2.0/24' })).toBe(1)
      expect(denied(gater)).toEqual([])
    })

    it('refuses with a value that names the rule', async () => {
      const gater = await make()
      await gater.block({ ip: ADDRESS.key }, { reason: 'spam' })
      const refusal = gater.decide(accept)
      expect(isGateRefusal(refusal)).toBe(true)
      expect(refusal).toMatchObject({ code: 'blocked', cause: 'ip', direction: 'inbound' })
      expect(refusal?.rule).toMatchObject({ action: 'block', reason: 'spam', origin: 'manual', hits: 1 })
      expect(refusal?.message).toContain('spam')
    })

    it('lets blocks beat permissions, in whichever order they came', async () => {
      for (const order of [['allow', 'block'], ['block', 'allow']] as const) {
        const gater = await make()
        for (const action of order) await gater[action](action === 'allow' ? { ip: ADDRESS.key } : { cidr: '192.0.0.0/8' })
        expect(gater.verdict(accept).decision).toBe('block')
        await setup.teardown()
      }
    })

    it('in a private network lets in only who is allowed, and waits for a peer who could be', async () => {
      const gater = await make('block')
      expect(denied(gater, [accept])).toHaveLength(1)
      await gater.allow({ peer: PEER })
      expect(denied(gater, [accept, securedInbound, securedOutbound])).toEqual([])
      expect(denied(gater, [{ ...securedInbound, peer: OTHER }])).toHaveLength(1)
      expect(await gater.disallow({ peer: PEER })).toBe(1)
      expect(denied(gater)).toEqual(ALL)
    })

    it('covers one direction where a rule says so', async () => {
      const gater = await make()
      await gater.block({ ip: ADDRESS.key }, { direction: 'inbound' })
      expect(denied(gater)).toEqual([accept])
    })

    it('ends rules with their time', async () => {
      const gater = await make()
      await gater.block({ ip: ADDRESS.key }, { duration: 1_000 })
      now += 999
      expect(denied(gater, [accept])).toHaveLength(1)
      now += 1
      expect(denied(gater, [accept])).toEqual([])
      expect([...gater.rules()]).toEqual([])
    })

    it('refuses where a predicate throws', async () => {
      const gater = await make()
      await gater.allow({ name: 'broken', predicate: () => { throw new Error('broken') } })
      expect(gater.decide(accept)).toMatchObject({ cause: 'predicate' })
    })

    it('refuses rules that cannot be understood, and stays as it was', async () => {
      const gater = await make()
      for (const subject of ['', 'nonsense', '192.0.2.0/33', '/ip4/192.0.2.1/tcp/4001']) await expect(gater.block(subject)).rejects.toMatchObject({ name: 'InvalidRuleError' })
      expect(denied(gater)).toEqual([])
    })

    it('is not asked about what nothing would cover, such as an address as a text', async () => {
      const gater = await make()
      const error = expect.objectContaining({ name: 'InvalidRuleError' }) as Error
      await gater.block('192.0.2.1')
      for (const target of [{ ...accept, address: '192.0.2.1' }, { ...accept, address: {} }, { address: ADDRESS }, { ...accept, direction: 'both' }] as unknown as GateTarget[]) {
        expect(() => gater.verdict(target)).toThrow(error)
        expect(() => gater.decide(target)).toThrow(error)
      }
      expect(() => gater.strike({ peer: PEER, address: '192.0.2.1' } as unknown as Parameters<ConnectionGater['strike']>[0], 1, 'noise')).toThrow(error)
    })

    it('blocks who is struck often enough, and nobody else', async () => {
      const gater = await make()
      let struck = gater.strike({ peer: PEER, address: ADDRESS }, 1, 'noise')
      for (let i = 0; i < 10_000 && struck.outcome !== 'blocked'; i++) struck = gater.strike({ peer: PEER, address: ADDRESS }, 1, 'noise')
      expect(struck).toMatchObject({ outcome: 'blocked', rule: { origin: 'automatic', reason: 'noise' } })
      expect(denied(gater)).toEqual([peerDial, securedInbound, securedOutbound])
    })

    it('loads lists, keeps them apart from other rules, and keeps the old one where the new one is none', async () => {
      const gater = await make()
      expect(await gater.loadList('feed', { content: '# comment\n192.0.2.0/24\nnonsense\n' })).toMatchObject({ rules: 1, invalid: 1, errors: [{ line: 3 }] })
      await expect(gater.loadList('feed', { content: 'nonsense' })).rejects.toMatchObject({ name: 'ListLoadError' })
      expect(gater.decide(accept)?.rule).toMatchObject({ origin: 'list', list: 'feed' })
      expect([...gater.rules({ origin: 'manual' })]).toEqual([])
      expect(gater.dropList('feed')).toBe(true)
      expect(denied(gater)).toEqual([])
    })

    it('writes rules down so that they can be loaded', async () => {
      const gater = await make()
      await gater.block({ cidr: '192.0.2.0/24' })
      for (const format of ['text', 'json'] as const) expect(await gater.loadList(`as-${format}`, { content: [...gater.export(format)].join(''), format })).toMatchObject({ rules: 1, invalid: 0 })
    })

    it('tells of rules that come and go', async () => {
      const gater = await make()
      const seen: string[] = []
      gater.addEventListener('rule:added', ({ detail }) => { seen.push(`${detail.rule.action} ${detail.close}`) })
      gater.addEventListener('rule:removed', () => { seen.push('removed') })
      await gater.block({ peer: PEER }, { close: false })
      await gater.unblock({ peer: PEER })
      expect(seen).toEqual(['block false', 'removed'])
    })
  })
}
