import { createAllowlist } from '@cordon/resource-manager'
import { fakeClock } from '@cordon/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { trusting } from '../resource-manager/support.ts'
import { expectNothingHeld, gated, gateRefusals, refusals, visits } from './support.ts'
import type { GatedInit, GatedNode } from './support.ts'
import type { LiftedLimit } from '@cordon/interface-connection-gater'

afterEach(expectNothingHeld)

const FROM = '127.0.1.2'

/** Each limit that a rule can lift, a node where nobody else gets in for it, and what refuses there */
const LIMITS: ReadonlyArray<readonly [LiftedLimit, GatedInit, string]> = [
  ['counts', { limits: { prefixes: { ipv4: [{ length: 32, connections: 1 }] } } }, 'connections'],
  ['buckets', { limits: { prefixes: { ipv4: [{ length: 32, rate: 0.001, burst: 1 }] } }, manager: { clock: fakeClock() } }, 'rate'],
  ['lane', { limits: { system: { connectionsInbound: 1 } } }, 'connectionsInbound']
]

/** The host has room for one, who is there */
async function full (init: GatedInit): Promise<GatedNode> {
  const host = await gated(init)
  expect(await visits(host, await gated({ from: FROM }))).toBe(true)
  return host
}

describe.each(LIMITS)('an allow rule that lifts `%s`', (limit, init, cause) => {
  const others = LIMITS.map(([other]) => other).filter(other => other !== limit)

  it('lets in who is beyond that, until it is taken back', async () => {
    const host = await full(init)
    expect(await visits(host, await gated({ from: FROM }))).toBe(false)
    expect(refusals(host)).toMatchObject([{ module: 'resourceManager', cause, direction: 'inbound' }])

    await host.gater.allow('127.0.1.0/24', { lifts: [limit] })
    for (let more = 0; more < 3; more++) expect(await visits(host, await gated({ from: FROM }))).toBe(true)
    await host.gater.disallow('127.0.1.0/24')
    expect(await visits(host, await gated({ from: FROM }))).toBe(false)
    expect(refusals(host).map(({ module }) => module)).toEqual(['resourceManager', 'resourceManager'])
  })

  it('lifts nothing else, and one that lifts others not this', async () => {
    const host = await full(init)
    await host.gater.allow(FROM)
    await host.gater.allow('127.0.0.0/8', { lifts: others })
    await host.gater.allow('127.0.9.9', { lifts: [limit] })
    expect(await visits(host, await gated({ from: FROM }))).toBe(false)
    expect(refusals(host)).toMatchObject([{ module: 'resourceManager', cause }])
  })

  it('lifts nothing of whom another rule blocks', async () => {
    const host = await full(init)
    const guest = await gated({ from: FROM })
    await host.gater.allow(FROM, { lifts: [limit] })
    await host.gater.block(guest.id)
    expect(await visits(host, guest)).toBe(false)
    expect(gateRefusals(host)).toMatchObject([{ cause: 'peer' }])
    expect(await visits(host, await gated({ from: FROM }))).toBe(true)
  })
})

describe('an allow rule about a peer', () => {
  it('lets it in where there is no room for anybody else, once it is known who it is', async () => {
    const host = await full({ limits: { system: { connectionsInbound: 1 } } })
    const [friend, other] = [await gated({ from: '127.0.2.2' }), await gated({ from: '127.0.2.2' })]
    await host.gater.allow(friend.id, { lifts: ['lane'] })
    expect([await visits(host, other), await visits(host, friend)]).toEqual([false, true])
    expect(host.manager.snapshot().allowlistedSystem.usage.connectionsInbound).toBe(1)
  })
})

describe('whom several modules trust', () => {
  const nobody = { lane: false, counts: false, buckets: false }
  const limits = { prefixes: { ipv4: [{ length: 32, connections: 1 }] } }

  it('is whom any of them trusts', async () => {
    const siblings = { friends: trusting({ lifts: address => ({ ...nobody, counts: address?.key === '127.0.3.3' }) }) }
    const host = await gated({ limits, siblings })
    await host.gater.allow(FROM, { lifts: ['counts'] })
    for (const [from, isTrusted] of [[FROM, true], ['127.0.3.3', true], ['127.0.4.4', false]] as const) {
      expect(await visits(host, await gated({ from }))).toBe(true)
      expect(await visits(host, await gated({ from }))).toBe(isTrusted)
    }
  })

  it('is nobody but whom the operator says to the manager, where that is said', async () => {
    const host = await gated({ limits, manager: { allowlist: createAllowlist(['127.0.3.3']) } })
    await host.gater.allow(FROM, { lifts: ['counts'] })
    for (const [from, isTrusted] of [[FROM, false], ['127.0.3.3', true]] as const) {
      expect(await visits(host, await gated({ from }))).toBe(true)
      expect(await visits(host, await gated({ from }))).toBe(isTrusted)
    }
  })

  it('is whom the gater trusts, where there is no other', async () => {
    const host = await gated()
    expect(host.manager.allowlist).toBe(host.gater)
  })
})
