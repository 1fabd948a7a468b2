import { isRefusal } from '@cordon/interface-connection-lifecycle'
import { describe, expect, it } from 'vitest'
import { Bench, recordAt } from './participant-bench.ts'
import type { TestRecord } from './participant-bench.ts'
import type { AllowlistSource } from '@cordon/interface-resource-manager'

const TRUSTED = '12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9'
const RELAY = '12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8'
const OVER = `/ip4/192.0.2.1/tcp/1/p2p/${RELAY}/p2p-circuit`
const OVER_TRUSTED = `/ip4/192.0.2.2/tcp/1/p2p/${TRUSTED}/p2p-circuit`

function admit (bench: Bench, address: string): TestRecord {
  const record = bench.open('inbound', address)
  return isRefusal(record) ? expect.fail(record.message) : record
}

/** Whoever may go goes, the first of them first */
function droppingOf (bench: Bench, records: Readonly<Record<string, TestRecord>>): string[] {
  const dropped: string[] = []
  bench.shed = ({ spares }) => {
    const [name, record] = Object.entries(records).find(([name, record]) => !dropped.includes(name) && spares?.(record) !== true) ?? []
    if (name !== undefined && record !== undefined) {
      dropped.push(name)
      bench.close(record)
    }
    return record
  }
  return dropped
}

describe('where a prefix has no room', () => {
  it.each([
    ['all relays together', { relay: {}, relayed: { connections: 3 } }, OVER, OVER_TRUSTED, '/ip4/192.0.2.2/tcp/1', 'prefix:relayed'],
    ['one relay', { relay: { connections: 3 }, relayed: {} }, OVER, OVER, OVER_TRUSTED, `prefix:relay:${RELAY}`]
  ])('%s: a newcomer gets the place of one that is counted there and has proven nothing', (_what, prefixes, here, alsoHere, elsewhere, scope) => {
    const bench = new Bench({ prefixes })
    const there = admit(bench, elsewhere)
    const dropped = droppingOf(bench, { there, thought: recordAt(here), first: admit(bench, here), second: admit(bench, alsoHere), third: admit(bench, here) })
    const newcomer = admit(bench, alsoHere)
    expect([bench.sheds.length, bench.sheds[0]]).toMatchObject([1, ['inbound', { except: newcomer }]])
    for (let i = 0; i < 2; i++) admit(bench, here)
    expect(dropped).toEqual(['first', 'second', 'third'])
    expect(bench.open('inbound', here)).toMatchObject({ scope, cause: 'connections' })
    expect(bench.sheds).toHaveLength(4)
    expect(bench.manager.snapshot().prefixes.largest[0]).toMatchObject({ name: scope.slice('prefix:'.length), connections: 3 })
    expect(dropped).toHaveLength(3)
  })

  it.each([
    ['one address', { ipv4: [{ length: 32, connections: 2 }] }, '/ip4/192.0.2.1/tcp/1', 'limit'],
    ['an entry', { entries: { '192.0.0.0/16': { connections: 2 } } }, '/ip4/192.0.2.1/tcp/1', 'limit'],
    ['one relay, too fast', { relay: { connections: 9, rate: 0.001, burst: 2 } }, OVER, 'rate']
  ])('%s: nobody makes room', (_what, prefixes, here, code) => {
    const bench = new Bench({ prefixes })
    const dropped = droppingOf(bench, { first: admit(bench, here), second: admit(bench, here) })
    expect(bench.open('inbound', here)).toMatchObject({ code, scopeClass: 'prefix' })
    expect([bench.sheds, dropped]).toEqual([[], []])
  })

  it('nobody makes room for one where more would have to go', () => {
    const bench = new Bench({ prefixes: { relay: {}, relayed: { connections: 3 } } })
    const dropped = droppingOf(bench, { first: admit(bench, OVER), second: admit(bench, OVER) })
    bench.manager.setLimits({ prefixes: { relay: {}, relayed: { connections: 1 } } })
    expect(bench.open('inbound', OVER)).toMatchObject({ scope: 'prefix:relayed' })
    expect([bench.sheds, dropped]).toEqual([[], []])
  })

  it('guests who take none of it, because their relay is trusted, are dropped for nobody', () => {
    const lifts: AllowlistSource['lifts'] = address => ({ lane: false, counts: address?.relay === TRUSTED, buckets: false })
    const bench = new Bench({ prefixes: { relay: {}, relayed: { connections: 1 } } }, 32, { allowlist: { lifts } })
    const dropped = droppingOf(bench, { friend: admit(bench, OVER_TRUSTED), stranger: admit(bench, OVER) })
    admit(bench, OVER)
    expect(bench.open('inbound', OVER)).toMatchObject({ scope: 'prefix:relayed' })
    expect(dropped).toEqual(['stranger'])
  })
})
