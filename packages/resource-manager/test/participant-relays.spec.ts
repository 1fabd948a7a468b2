import { isRefusal } from '@cordon/interface-connection-lifecycle'
import { describe, expect, it } from 'vitest'
import { Bench, recordAt } from './participant-bench.ts'
import type { TestRecord } from './participant-bench.ts'
import type { AllowlistSource } from '@cordon/interface-resource-manager'

const TRUSTED = '12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9'
const OVER = '/ip4/192.0.2.1/tcp/1/p2p/12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8/p2p-circuit'
const OVER_TRUSTED = `/ip4/192.0.2.2/tcp/1/p2p/${TRUSTED}/p2p-circuit`

function admit (bench: Bench, address: string): TestRecord {
  const record = bench.open('inbound', address)
  return isRefusal(record) ? expect.fail(record.message) : record
}

describe('where all relays together have no room', () => {
  it('one that comes over a relay gets the place of a guest that has proven nothing', () => {
    const bench = new Bench({ prefixes: { relay: {}, relayed: { connections: 3 } } })
    const [first, second, third] = [admit(bench, OVER), admit(bench, OVER), admit(bench, OVER)]
    const others = { direct: admit(bench, '/ip4/192.0.2.2/tcp/1'), thought: recordAt(OVER) }
    const spared: string[] = []
    bench.shed = ({ spares }) => {
      for (const [name, record] of Object.entries(others)) if (spares?.(record) === true) spared.push(name)
      const oldest = [first, second, third].find(record => spares?.(record) !== true)
      if (oldest !== undefined) bench.close(oldest)
      return oldest
    }
    const newcomer = admit(bench, OVER)
    expect(bench.sheds).toMatchObject([['inbound', { except: newcomer }]])
    expect(spared).toEqual(['direct', 'thought'])
    expect(bench.manager.snapshot().prefixes.largest[0]).toMatchObject({ name: 'relayed', connections: 3 })

    bench.shed = () => undefined
    expect(bench.open('inbound', OVER)).toMatchObject({ scope: 'prefix:relayed' })
    bench.manager.setLimits({ prefixes: { relay: {}, relayed: { connections: 1 } } })
    const { length } = bench.sheds
    expect(bench.open('inbound', OVER)).toMatchObject({ scope: 'prefix:relayed' })
    expect(bench.sheds).toHaveLength(length)
  })

  it('guests who take none of it, because their relay is trusted, are dropped for nobody', () => {
    let knows = true
    const lifts: AllowlistSource['lifts'] = address => {
      if (!knows) throw new Error('who?')
      return { lane: false, counts: address?.relay === TRUSTED, buckets: false }
    }
    const bench = new Bench({ prefixes: { relay: {}, relayed: { connections: 1 } } }, 32, { allowlist: { lifts } })
    const guests = { stranger: admit(bench, OVER), friend: admit(bench, OVER_TRUSTED) }
    const dropped = (): string[] => {
      expect(bench.open('inbound', OVER)).toMatchObject({ scope: 'prefix:relayed' })
      const [, options] = bench.sheds.at(-1) ?? expect.fail('nobody was to be dropped')
      return Object.entries(guests).filter(([, record]) => options.spares?.(record) !== true).map(([name]) => name)
    }
    expect(dropped()).toEqual(['stranger'])
    // who cannot be told apart is nobody's friend
    knows = false
    expect(dropped()).toEqual(['stranger', 'friend'])
  })
})
