import { normaliseAddress } from '@cordon/address'
import { lifecycleDriverSymbol } from '@cordon/interface-connection-lifecycle'
import { defaultLogger } from '@libp2p/logger'
import { ipPortToMultiaddr } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Arrivals, isTcpListener } from '../src/arrivals.ts'
import { Attachment } from '../src/attachment.ts'
import { Gater } from '../src/gater.ts'
import { Wiring } from '../src/wiring.ts'
import type { TcpListener } from '../src/arrivals.ts'
import type { TransportState } from '../src/wiring.ts'
import type { ConnectionLifecycle, RawConnection, Refusal } from '@cordon/interface-connection-lifecycle'
import type { ConnectionGater, Listener, MultiaddrConnection } from '@libp2p/interface'

const NO: Refusal = { code: 'blocked', module: 'test', message: 'no' }

class FakeSocket {
  destroyed = false
  resets = 0
  readonly heard: string[] = []
  readonly remoteAddress?: string
  readonly remotePort = 5
  /** What it is made of cannot be reset */
  isPipe = false

  constructor (remoteAddress?: string) {
    if (remoteAddress != null) this.remoteAddress = remoteAddress
  }

  on (event: 'error'): void {
    this.heard.push(event)
  }

  destroy (): void {
    this.destroyed = true
  }

  resetAndDestroy (): void {
    if (this.isPipe) throw new TypeError('This handle type cannot be sent')
    this.resets++
    this.destroyed = true
  }
}

type Handler = (socket: FakeSocket) => void

class FakeServer {
  readonly handlers: Handler[] = []

  rawListeners (): Handler[] {
    return [...this.handlers]
  }

  removeAllListeners (): void {
    this.handlers.length = 0
  }

  on (_: 'connection', handler: Handler): void {
    this.handlers.push(handler)
  }

  accept (socket: FakeSocket): FakeSocket {
    this.handlers.forEach(handler => { handler(socket) })

    return socket
  }
}

interface Scene {
  readonly server: FakeServer
  readonly arrivals: Arrivals
  readonly state: TransportState
  /** What the lifecycle was told, in order */
  readonly calls: string[]
  /** What it was given */
  readonly raws: RawConnection[]
  readonly make: (socket: FakeSocket) => Attachment
}

interface Answers {
  readonly open?: Refusal
  readonly account?: Refusal
  readonly fails?: 'open' | 'account'
  /** Whether what it is told of a failure fails as well, and so does the logger */
  readonly failsAgain?: boolean
  /** Whether whoever refuses cuts, as the contract wants it */
  readonly cuts?: boolean
  readonly gater?: ConnectionGater
}

/** A lifecycle that answers what it is told to, and the handler of a transport */
function scene (handler: Handler, { open, account, fails, failsAgain = false, cuts = true, gater = {} }: Answers = {}): Scene {
  const calls: string[] = []
  const raws: RawConnection[] = []
  const wiring = new Wiring({ gaterTimeout: 1, startTimeout: 1, stopTimeout: 1, maxPendingSockets: 1, maxPendingSocketsPerGroup: 1, socketTimeout: 1, maxAnswers: 1 }, {} as Wiring['clock'])
  const state: TransportState = { tag: '@libp2p/tcp', guardsSockets: false, bringsMuxer: false, unreturned: 0 }
  const asked = new Gater(wiring)
  const server = new FakeServer()
  server.on('connection', handler)
  wiring.lifecycle = {
    [lifecycleDriverSymbol]: {
      open: (raw: RawConnection) => {
        calls.push('open')
        if (fails === 'open') throw new Error('a fault')
        raws.push(raw)
        if (open != null && cuts) raw.abort(new Error('no'))

        return open ?? { remoteAddr: raw.remoteAddr }
      },
      account: () => {
        calls.push('account')
        if (fails === 'account') throw new Error('a fault')
        if (account != null) raws.at(-1)?.abort(new Error('no'))

        return account
      },
      upgradeFailed: () => {
        calls.push('upgradeFailed')
        if (failsAgain) throw new Error('another fault')
        raws.at(-1)?.abort(new Error('failed'))
      }
    }
  } as unknown as ConnectionLifecycle
  const logger = failsAgain ? { forComponent: () => Object.assign(() => {}, { error: () => { throw new Error('a logger') } }) } : defaultLogger()
  const components = { logger, connectionGater: gater } as unknown as Parameters<Wiring['bind']>[0]
  wiring.bind(components)
  asked.install(components)
  const arrivals = new Arrivals(wiring, asked, state)
  arrivals.watch({ server } as unknown as TcpListener)
  const make = ({ remoteAddress = '' }: FakeSocket): Attachment => {
    const raw = { remoteAddr: multiaddr(`/ip4/${remoteAddress}/tcp/5`), status: 'open', abort: () => { calls.push('raw.abort') } } as unknown as MultiaddrConnection

    return new Attachment(raw, 'inbound', state, wiring)
  }

  return { server, arrivals, state, calls, raws, make }
}

const FROM = '192.0.2.1'

describe('a socket that is accepted', () => {
  it.each([['open', ['open']], ['account', ['open', 'account']]] as const)('is reset at once where `%s` refuses, and the transport never hears of it', (step, expected) => {
    const heard: FakeSocket[] = []
    const { server, calls, raws } = scene(socket => heard.push(socket), { [step]: NO })
    const socket = server.accept(new FakeSocket(FROM))
    expect([heard, calls, socket.resets, socket.heard, raws[0]?.status]).toEqual([[], expected, 1, ['error'], 'aborted'])
  })

  it('is handed over where nobody refuses, and ends as what the transport made of it', () => {
    const all = scene(socket => {
      const attachment = all.make(socket)
      all.calls.push('made')
      expect(all.arrivals.claim(attachment)).toMatchObject({ accounted: true, record: { remoteAddr: attachment.raw.remoteAddr } })
      expect(all.raws[0]?.raw).toBe(attachment.raw)
      expect(all.raws[0]?.remoteAddr).toBe(attachment.raw.remoteAddr)
    })
    const socket = all.server.accept(new FakeSocket(FROM))
    expect([all.calls, all.state.asksOnArrival]).toEqual([['open', 'account', 'made'], true])
    all.raws[0]?.abort(new Error('over'))
    expect([all.calls.at(-1), socket.resets]).toEqual(['raw.abort', 0])
  })

  it('is asked about by nobody but the gates where the user has a gater of its own, which is asked later', () => {
    const all = scene(socket => {
      expect(all.arrivals.claim(all.make(socket))).toMatchObject({ accounted: false })
      all.calls.push('made')
    }, { gater: { denyInboundConnection: () => false } })
    all.server.accept(new FakeSocket(FROM))
    expect(all.calls).toEqual(['open', 'made'])
  })

  it('is let go of where the transport destroyed it instead', () => {
    const { server, calls, raws, state } = scene(socket => { socket.destroyed = true })
    server.accept(new FakeSocket(FROM))
    expect([calls, state.asksOnArrival, raws[0]?.status]).toEqual([['open', 'account', 'upgradeFailed'], true, 'aborted'])
  })

  it('is let go of where the transport throws, which it may go on doing', () => {
    const { server, calls } = scene(socket => {
      socket.destroyed = true
      throw new Error('not started')
    })
    expect(() => server.accept(new FakeSocket(FROM))).toThrow('not started')
    expect(calls).toEqual(['open', 'account', 'upgradeFailed'])
  })

  it('is left alone where the transport takes its time, and no other one is asked about then', () => {
    const heard: FakeSocket[] = []
    const { server, arrivals, calls, make, state } = scene(socket => heard.push(socket))
    const [first, second] = [server.accept(new FakeSocket(FROM)), server.accept(new FakeSocket(FROM))]
    expect([heard, first.resets, calls, state.asksOnArrival]).toEqual([[first, second], 0, ['open', 'account', 'upgradeFailed'], false])
    expect(arrivals.claim(make(first))).toBeUndefined()
  })

  it.each([[undefined], ['fe80::1%eth0']])('is the transport\'s where its address is %s', address => {
    const heard: FakeSocket[] = []
    const { server, calls } = scene(socket => heard.push(socket))
    server.accept(new FakeSocket(address))
    expect([heard.length, calls]).toEqual([1, []])
  })

  it.each([['open', ['open']], ['account', ['open', 'account', 'upgradeFailed']]] as const)('is reset where `%s` fails, and nothing is thrown in its event', (fails, expected) => {
    const heard: FakeSocket[] = []
    const { server, calls } = scene(socket => heard.push(socket), { fails })
    const socket = server.accept(new FakeSocket(FROM))
    expect([heard, calls, socket.resets]).toEqual([[], expected, 1])
  })

  it('is reset where everything fails that it is told to', () => {
    const { server, calls } = scene(() => {}, { fails: 'account', failsAgain: true })
    expect([server.accept(new FakeSocket(FROM)).resets, calls]).toEqual([1, ['open', 'account', 'upgradeFailed']])
  })

  it('is reset where the address that it says it has is none', () => {
    const { server, calls } = scene(() => {})
    expect([server.accept(new FakeSocket('nowhere')).resets, calls]).toEqual([1, []])
  })

  it('is reset where a lifecycle refuses and does not cut it', () => {
    const { server } = scene(() => {}, { open: NO, cuts: false })
    expect(server.accept(new FakeSocket(FROM)).resets).toBe(1)
  })

  it('is destroyed where it cannot be reset', () => {
    const { server } = scene(() => {}, { open: NO })
    const socket = new FakeSocket(FROM)
    socket.isPipe = true
    expect(server.accept(socket)).toMatchObject({ destroyed: true, resets: 0 })
  })

  it('is not claimed by another one that comes later', () => {
    const { server, arrivals, make } = scene(socket => { socket.destroyed = true })
    expect(arrivals.claim(make(server.accept(new FakeSocket(FROM))))).toBeUndefined()
  })

  const text = fc.oneof(fc.ipV4(), fc.ipV6(), fc.ipV4().map(ip => `::ffff:${ip}`))

  it('has the address that the transport would give it', () => {
    fc.assert(fc.property(text, ip => {
      const { server, raws } = scene(socket => { socket.destroyed = true })
      server.accept(new FakeSocket(ip))
      const remoteAddr = ipPortToMultiaddr(ip, 5)
      expect(raws[0]?.remoteAddr.toString()).toBe(remoteAddr.toString())
      expect(raws[0]?.address).toEqual(normaliseAddress(remoteAddr))
    }))
  })

  it('has no multiaddr where its address has a zone, as far as libp2p is concerned', () => {
    expect(() => ipPortToMultiaddr('fe80::1%eth0', 5)).toThrow()
  })
})

describe('a TCP listener', () => {
  it('is known by the tag of its transport and its shape', () => {
    const { server } = scene(() => {})
    const listener = (more: object): Listener => more as Listener
    expect([
      isTcpListener(listener({ server }), '@libp2p/tcp'), isTcpListener(listener({ server }), '@libp2p/websockets'), isTcpListener(listener({}), '@libp2p/tcp'),
      isTcpListener(listener({ server: undefined }), '@libp2p/tcp'), isTcpListener(listener({ server: 'x' }), '@libp2p/tcp'), isTcpListener(listener({ server: {} }), '@libp2p/tcp')
    ]).toEqual([true, false, false, false, false, false])
  })
})
