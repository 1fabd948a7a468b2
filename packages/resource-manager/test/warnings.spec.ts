import { normaliseAddress } from '@cordon/address'
import { defaultLogger } from '@libp2p/logger'
import { describe, expect, it } from 'vitest'
import { createAllowlist, createResourceManager, resourceManager } from '../src/index.ts'
import { admitted } from './support.ts'
import type { LimitWarning, ResourceManagerInit, ResourceManagerService, ResourceManagerServiceInit } from '../src/index.ts'
import type { ResourceManager } from '@cordon/interface-resource-manager'
import type { ComponentLogger, Logger } from '@libp2p/interface'

const PEER = '12D3KooWJRrGTzS8y7zUuqL6VvMmD7YfLxhP6SHAZQ7hCHHc8mW9'
const WRONG = { system: { connections: 10, connectionsInbound: 11 } }
const PATH = 'resourceManager.limits.system.connectionsInbound'
const MESSAGE = `${PATH} is 11, but connections lets only 10 through`

const paths = ({ warnings }: ResourceManager): string[] | undefined => warnings?.map(({ path }) => path)

function moduleWith (init: ResourceManagerServiceInit, logger: ComponentLogger = defaultLogger()): ResourceManagerService {
  return resourceManager(init)({ logger })
}

describe.each<[string, (init: ResourceManagerInit) => ResourceManager]>([['core', createResourceManager], ['module', moduleWith]])('what the %s was told and cannot be meant', (_, manage) => {
  it('can be read, without anybody having listened', () => {
    expect(manage({ limits: WRONG }).warnings).toEqual([{ path: PATH, message: MESSAGE }])
    expect(manage({}).warnings).toEqual([])
  })

  it('is also told to whoever listens', () => {
    const told: LimitWarning[] = []
    const manager = manage({ limits: WRONG, onWarning: warning => { told.push(warning) } })
    expect(told).toEqual(manager.warnings)
  })

  it('is what is in force: limits that are set anew are judged anew, and those that are refused change nothing', () => {
    const manager = manage({ limits: WRONG, allowlist: ['/ip4/192.0.2.1/tcp/1'] })
    expect(paths(manager)).toEqual(['resourceManager.allowlist[0]', PATH])
    expect(() => { manager.setLimits({ system: { connections: -1 } }) }).toThrow()
    expect(paths(manager)).toEqual(['resourceManager.allowlist[0]', PATH])
    manager.setLimits({ protocolDefault: { connections: 3 } })
    expect(paths(manager)).toEqual(['resourceManager.allowlist[0]', 'resourceManager.limits.protocolDefault.connections'])
    manager.setLimits({})
    expect(paths(manager)).toEqual(['resourceManager.allowlist[0]'])
  })
})

describe('whoever is told of a warning', () => {
  it('may throw, and connections are admitted all the same', () => {
    let told = 0
    const onWarning = (): void => {
      told++
      throw new Error('broken')
    }
    const allowlist = { lifts: () => { throw new Error('who?') } }
    const manager = createResourceManager({ limits: { system: { connections: 1, connectionsInbound: 2 } }, allowlist, onWarning })
    expect(manager.openConnection('inbound', { address: normaliseAddress('192.0.2.1') })).not.toHaveProperty('code')
    expect(told).toBe(manager.warnings.length)
    expect(told).toBeGreaterThan(1)
  })

  it.skipIf(!('process' in globalThis))('may answer with a promise that fails, of which nobody else hears', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown): void => { unhandled.push(reason) }
    process.on('unhandledRejection', note)
    const onWarning = ((): unknown => Promise.reject(new Error('broken'))) as () => void
    const manager = createResourceManager({ limits: { system: { connections: 1, connectionsInbound: 2 } }, onWarning })
    await new Promise(resolve => { setTimeout(resolve, 10) })
    process.off('unhandledRejection', note)
    expect([manager.warnings.length, unhandled]).toEqual([1, []])
  })
})

describe('an allowlist with ports', () => {
  const ported = ['192.0.2.1', '/ip4/192.0.2.1/tcp/4001', `/ip4/192.0.2.1/tcp/4001/p2p/${PEER}`, '/ip6/2001:db8::/ipcidr/32/udp/1/quic-v1', `/p2p/${PEER}`]

  it('is warned of where nobody in particular is trusted: it trusts more than it says', () => {
    expect(createResourceManager({ allowlist: ported }).warnings).toEqual([
      { path: 'resourceManager.allowlist[1]', message: 'resourceManager.allowlist[1] is "/ip4/192.0.2.1/tcp/4001", but ports are ignored: everybody at that address is trusted' },
      { path: 'resourceManager.allowlist[3]', message: 'resourceManager.allowlist[3] is "/ip6/2001:db8::/ipcidr/32/udp/1/quic-v1", but ports are ignored: everybody at that address is trusted' }
    ])
  })

  it('is refused under strict, also later on, and nothing changes', () => {
    expect(() => createResourceManager({ allowlist: ported, strict: true })).toThrow(/^resourceManager\.allowlist\[1\] is/)
    const manager = createResourceManager({ strict: true })
    const { allowlist } = manager
    expect(() => { manager.setAllowlist(ported) }).toThrow(/^resourceManager\.allowlist\[1\] is/)
    expect(manager.allowlist).toBe(allowlist)
  })

  it('is judged anew where another takes its place', () => {
    const manager = createResourceManager({ allowlist: ported })
    manager.setAllowlist(['/ip4/192.0.2.1/tcp/4001'])
    expect(paths(manager)).toEqual(['resourceManager.allowlist[0]'])
    manager.setAllowlist(createAllowlist(ported))
    expect(paths(manager)).toEqual([])
  })
})

describe('what goes wrong while a manager works', () => {
  it('can be read as well, until another allowlist is set', () => {
    const lifts = (): never => { throw new Error('broken') }
    const manager = createResourceManager({ strict: true, allowlist: { lifts } })
    for (let n = 0; n < 3; n++) admitted(manager.openConnection('inbound', { address: normaliseAddress('192.0.2.1') }))
    expect(manager.warnings).toEqual([{ path: 'resourceManager.allowlist', message: 'resourceManager.allowlist threw, and nobody is taken to be trusted where it does: broken' }])
    manager.setAllowlist([])
    expect(manager.warnings).toEqual([])
  })
})

describe('the module', () => {
  it('logs warnings as errors where nobody listens', () => {
    const lines: unknown[][] = []
    const log = Object.assign(() => {}, { error: (...line: unknown[]) => { lines.push(line) } }) as unknown as Logger
    moduleWith({ limits: WRONG }, { forComponent: () => log })
    expect(lines).toEqual([['%s', MESSAGE]])
  })

  // in a node a peer has no other name than its id; the core takes any name
  it.each([
    ['foo', 'names no peer: a peer must be spelt in base58, as PeerId'],
    ['connections', 'names no peer: a peer must be spelt in base58'],
    [PEER.slice(1), 'names no peer'],
    ['bafzaajaiaejca77utbidbetz47enfct5feyjmupawaghoiexeordbgmnrv3zz2us', 'names no peer: this looks like a CID']
  ])('refuses limits of a peer %s, which is none, and nothing changes', (name, message) => {
    const limits = { peer: { [PEER]: { streams: 3 }, [name]: { streams: 5 } } }
    const error = expect.objectContaining({ name: 'InvalidParametersError', message: expect.stringMatching(new RegExp(`^resourceManager\\.limits\\.peer\\["${name.slice(0, 40)}.* ${message}`)) as string }) as Error
    expect(() => moduleWith({ limits })).toThrow(error)
    const manager = moduleWith({ limits: { peer: { [PEER]: { streams: 3 } }, system: { connections: 7 } } })
    expect(() => { manager.setLimits({ ...limits, system: { connections: 9 } }) }).toThrow(error)
    expect(manager.snapshot().system.limits.connections).toBe(7)
    expect(() => createResourceManager({ limits })).not.toThrow()
  })
})
