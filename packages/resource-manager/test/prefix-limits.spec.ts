import { normaliseAddress } from '@cordon/address'
import { describe, expect, it } from 'vitest'
import { createResourceManager } from '../src/index.ts'
import { admitted, refused } from './support.ts'
import type { LimitConfig, PrefixConfig } from '@cordon/interface-resource-manager'
import type { CoreResourceManager } from '@cordon/resource-manager'

const HERE = { address: normaliseAddress('192.0.2.1') }

/** Than the smallest machine */
const MORE = 'but the node admits only 64 inbound connections'

describe('prefixes that cannot be meant', () => {
  const manage = (prefixes: PrefixConfig, strict = false): CoreResourceManager => createResourceManager({ strict, machine: { memory: 1, fileDescriptors: 0 }, limits: { prefixes } })

  it.each<[PrefixConfig['entries'], string]>([
    [{ '192.0.2.0/24': { connections: 1 }, '192.0.2.7/24': { connections: 2 } }, '["192.0.2.7/24"] is the same prefix as "192.0.2.0/24", which is there already'],
    [{ '192.0.2.1': {}, '192.0.2.1/32': { connections: 2 } }, '["192.0.2.1/32"] is the same prefix as "192.0.2.1", which is there already'],
    [{ '2001:db8::/32': {}, '2001:0DB8::/32': {} }, '["2001:0DB8::/32"] is the same prefix as "2001:db8::/32", which is there already'],
    [{ '::ffff:192.0.2.0/120': {}, '192.0.2.0/24': {} }, '["192.0.2.0/24"] is the same prefix as "::ffff:192.0.2.0/120", which is there already'],
    [{ '127.0.0.0/8': false, '127.0.0.1/8': {} }, '["127.0.0.1/8"] is the same prefix as "127.0.0.0/8", which is there already'],
    [{ '127.0.0.1/8': {}, '127.0.0.0/8': false }, '["127.0.0.0/8"] is the same prefix as "127.0.0.1/8", which is there already'],
    [{ '192.0.2.0/24': false }, '["192.0.2.0/24"] is false, but there is nothing to remove: only 127.0.0.0/8 and ::1/128 are there by default; connections: 0 admits nobody']
  ])('%j is an error with its path, and nothing changes', (entries, message) => {
    const error = expect.objectContaining({ name: 'InvalidParametersError', message: `resourceManager.limits.prefixes.entries${message}` }) as Error
    expect(() => manage({ entries })).toThrow(error)
    const manager = manage({ ipv4: [{ length: 32, connections: 1 }] })
    expect(() => { manager.setLimits({ prefixes: { entries } }) }).toThrow(error)
    admitted(manager.openConnection('inbound', HERE))
    expect(refused(manager.openConnection('inbound', HERE)).scope).toBe('prefix:192.0.2.1/32')
  })

  it.each<[PrefixConfig, string, string]>([
    [{ entries: { '192.0.2.7/24': {} } }, 'entries["192.0.2.7/24"]', 'is read as 192.0.2.0/24: what is beyond its length does not count'],
    [{ entries: { '127.0.0.1/8': false } }, 'entries["127.0.0.1/8"]', 'is read as 127.0.0.0/8: what is beyond its length does not count'],
    [{ entries: { '::ffff:192.0.2.7/120': {} } }, 'entries["::ffff:192.0.2.7/120"]', 'is read as 192.0.2.0/24: what is beyond its length does not count'],
    [{ entries: { '10.0.0.0/8': { burst: 4 } } }, 'entries["10.0.0.0/8"].burst', 'is 4, but there is no rate that it could exceed'],
    [{ ipv4: [{ length: 32, connections: 1 }, { length: 24, burst: 0 }] }, 'ipv4[1].burst', 'is 0, but there is no rate that it could exceed'],
    [{ ipv6: [{ length: 56, rate: Infinity, burst: 4 }] }, 'ipv6[0].burst', 'is 4, but there is no rate that it could exceed'],
    [{ relay: { connections: 9 }, relayed: { connections: 8 } }, 'relay.connections', 'is 9, but all relays together let only 8 through'],
    [{ relay: { connections: 1_000_000 } }, 'relay.connections', 'is 1000000, but all relays together let only 16 through'],
    [{ relayed: { connections: 65 } }, 'relayed.connections', 'is 65, but the node admits only 64 inbound connections'],
    [{ relayed: { burst: 4 } }, 'relayed.burst', 'is 4, but there is no rate that it could exceed'],
    [{ relay: { rate: 0, burst: 4 } }, 'relay.burst', 'is 4, but a rate of 0 admits nobody'],
    [{ other: { rate: 2, burst: Infinity } }, 'other.rate', 'is 2, but a burst without an end is never over'],
    [{ global: { burst: 4 } }, 'global.burst', 'is 4, but there is no rate that it could exceed'],
    [{ ipv6: [{ length: 48, connections: 6 }, { length: 56, connections: 10 }] }, 'ipv6[1].connections', 'is 10, but each /48 lets only 6 through'],
    [{ ipv4: [{ length: 32, connections: 8 }, { length: 24, connections: 65 }] }, 'ipv4[1].connections', `is 65, ${MORE}`],
    [{ ipv6: [{ length: 56, connections: 1_000_000 }] }, 'ipv6[0].connections', `is 1000000, ${MORE}`],
    [{ entries: { '10.0.0.0/8': { connections: 65 } } }, 'entries["10.0.0.0/8"].connections', `is 65, ${MORE}`],
    [{ other: { connections: 65 } }, 'other.connections', `is 65, ${MORE}`],
    [{ relay: { connections: 65 }, relayed: {} }, 'relay.connections', `is 65, ${MORE}`]
  ])('%j is a warning with its path, and an error under strict', (prefixes, at, what) => {
    const path = `resourceManager.limits.prefixes.${at}`
    const message = `${path} ${what}`
    expect(manage(prefixes).warnings).toEqual([{ path, message }])
    expect(() => manage(prefixes, true)).toThrow(expect.objectContaining({ name: 'InvalidParametersError', message }))
  })

  it.each<PrefixConfig>([
    { ipv4: [{ length: 32, connections: 8, rate: 0.2, burst: 16 }, { length: 24, connections: 8 }], ipv6: [{ length: 56 }, { length: 48, rate: 3 }] },
    { entries: { '127.0.0.0/8': false, '::1': { connections: 3 }, '10.0.0.0/8': { rate: 0 }, '0.0.0.0/0': { connections: 5 }, '10.1.0.0/16': { connections: 9 } } },
    { entries: { '::ffff:192.0.2.0/120': {}, '::/0': {}, '64:ff9b::c000:201/128': {} } },
    { relay: { connections: 8 }, relayed: { connections: 8 } },
    { relay: {}, relayed: { connections: 8 } },
    { relay: { rate: 0, burst: Infinity }, other: { rate: Infinity, burst: Infinity }, global: {} },
    { ipv4: [{ length: 32, connections: Infinity }, { length: 24, connections: 4 }] },
    { ipv4: [{ length: 32, connections: 64 }], ipv6: [{ length: 56, connections: 64 }], entries: { '10.0.0.0/8': { connections: 64 } }, other: { connections: 64 }, relayed: { connections: 64 }, relay: { connections: 64 } },
    { ipv4: [{ length: 32, connections: Infinity }], ipv6: [{ length: 56, connections: Infinity }], entries: { '10.0.0.0/8': { connections: Infinity } }, other: { connections: Infinity }, relayed: { connections: Infinity }, relay: { connections: Infinity } }
  ])('%j is none of these', prefixes => {
    expect(manage(prefixes, true).warnings).toEqual([])
  })

  it('are judged by the inbound connections that the user wrote, those of the defaults are not judged', () => {
    const strict = (limits: LimitConfig): CoreResourceManager => createResourceManager({ strict: true, machine: { memory: 1, fileDescriptors: 0 }, limits })
    expect(strict({ system: { connectionsInbound: 100 }, prefixes: { other: { connections: 100 } } }).warnings).toEqual([])
    expect(strict({ system: { connectionsInbound: Infinity, connections: Infinity }, prefixes: { other: { connections: 2 ** 40 } } }).warnings).toEqual([])
    // 8 of each address and 64 of each /48 are the defaults
    expect(strict({ system: { connectionsInbound: 5 } }).warnings).toEqual([])
    expect(() => strict({ system: { connectionsInbound: 5 }, prefixes: { ipv4: [{ length: 32, connections: 6 }] } })).toThrow('ipv4[0].connections is 6, but the node admits only 5 inbound connections')
  })

  it('leave room for those who are trusted, who count where they come from as well', () => {
    const warnings = (connections: number): readonly string[] => createResourceManager({
      allowlist: ['/p2p/12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9'],
      limits: { system: { connectionsInbound: 5 }, allowlistedSystem: { connectionsInbound: 100 }, prefixes: { entries: { '10.0.0.0/8': { connections } } } }
    }).warnings.map(({ message }) => message)
    expect(warnings(105)).toEqual([])
    expect(warnings(106)).toEqual([expect.stringContaining('is 106, but the node admits only 105 inbound connections')])
  })
})
