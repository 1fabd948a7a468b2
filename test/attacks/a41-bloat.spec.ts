import { normaliseAddress } from '@cordon/address'
import { createLab } from '@cordon/bench-harness'
import { createConnectionGater } from '@cordon/connection-gater'
import { afterEach, describe, expect, it } from 'vitest'
import type { Bans, Flooded, Kind } from './bans.ts'

/** Bitcoin Core's bound, and the default (`strikes.maxBlocks`, `strikes.maxStruck`) */
const BLOCKS = 50_000
const STRUCK = 65_536

/** In bytes, for all that strikes left behind: the rules, when they end, why, and the scores */
const MEMORY = 16e6

/** How many places of one /24 or /56 are blocked before all of it is */
const TOGETHER = 8

describe('A41: more are blocked by strikes than anybody can remember', () => {
  let lab = createLab()

  afterEach(async () => {
    await lab[Symbol.asyncDispose]()
    lab = createLab()
  })

  async function flood (kind: Kind, count: number): Promise<Flooded> {
    const bans = await lab.start<Bans>(new URL('./bans.ts', import.meta.url), { callTimeout: 200_000 })
    return bans.call('flood', kind, count)
  }

  // a million of one kind, because of all of them the memory is the same once the bound is reached
  it.each<[number, Kind]>([[1_000_000, 'ipv4'], [150_000, 'ipv6'], [150_000, 'peer']])(`%i of the kind %s: at most ${BLOCKS} blocks and ${MEMORY / 1e6} MB, and the operator's rules stay`, async (count, kind) => {
    const { memory, rules, evicted, struck, mostAutomatic, manualKept } = await flood(kind, count)
    process.stderr.write(`\nA41: ${count} of the kind ${kind} took ${(memory / 1e6).toFixed(1)} MB\n`)
    expect(memory).toBeLessThanOrEqual(MEMORY)
    expect([rules.automatic, mostAutomatic, struck]).toEqual([BLOCKS, BLOCKS, STRUCK])
    // the others are blocked by the operator as well
    expect(evicted).toBeGreaterThan(0.99 * (count - BLOCKS))
    expect(manualKept).toBe(true)
  })

  it(`a thousand networks of either family with ${TOGETHER} places each take one block each, and with ${TOGETHER - 1} they do not`, () => {
    const gater = createConnectionGater()
    const strike = (text: string): void => { gater.strike({ address: normaliseAddress(text) }, 100, 'noise') }
    for (let net = 0; net < 1_000; net++) {
      for (let place = 0; place < TOGETHER; place++) {
        strike(`10.${net >>> 8}.${net & 255}.${place * 31}`)
        strike(`2a00:${net.toString(16)}:0:${(place * 31).toString(16)}::1`)
        if (place === 0) continue
        strike(`20.${net >>> 8}.${net & 255}.${place * 31}`)
        strike(`2a01:${net.toString(16)}:0:${(place * 31).toString(16)}::1`)
      }
    }
    const kinds = new Map<string, number>()
    for (const { subject } of gater.rules()) {
      const [ip = '', length = ''] = subject.split('/')
      const kind = `${ip.split(/[.:]/)[0] ?? ''}/${length}`
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    }
    expect(Object.fromEntries(kinds)).toEqual({ '10/24': 1_000, '20/32': 7_000, '2a00/56': 1_000, '2a01/64': 7_000 })
    const isBlocked = (text: string): boolean => gater.decide({ direction: 'inbound', address: normaliseAddress(text) }) !== undefined
    expect(['10.0.0.77', '20.0.0.77', '2a00:1::77:0:0:0:1', '2a01:1:0:77::1', '10.4.0.1'].map(isBlocked)).toEqual([true, false, true, false, false])
  })

  it('whole networks take what is left of the bound, and no more', () => {
    const gater = createConnectionGater({ strikes: { maxBlocks: 500 } })
    for (let net = 0; net < 5_000; net++) {
      for (let place = 0; place < TOGETHER; place++) gater.strike({ address: normaliseAddress(`${10 + (net >>> 8)}.${net & 255}.0.${place}`) }, 100, 'noise')
      expect(gater.status().rules.automatic).toBeLessThanOrEqual(500)
    }
    expect([...gater.rules()].every(({ subject }) => subject.endsWith('/24'))).toBe(true)
    expect(gater.status().rules.automatic).toBeGreaterThan(490)
  })
})
