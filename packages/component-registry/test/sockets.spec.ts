import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { SocketGuard } from '../src/sockets.ts'
import { Wiring } from '../src/wiring.ts'
import type { SocketCounts } from '../src/sockets.ts'
import type { Clock } from '@cordon/interface-connection-lifecycle'
import type { MultiaddrConnection } from '@libp2p/interface'

const TIMEOUT = 100

/** Time that stands still until it is turned */
class Turned implements Clock {
  #now = 0
  readonly #tasks = new Map<() => void, number>()

  now (): number {
    return this.#now
  }

  schedule (delay: number, task: () => void): { cancel: () => void } {
    this.#tasks.set(task, this.#now + delay)

    return { cancel: () => { this.#tasks.delete(task) } }
  }

  turn (ms: number): void {
    this.#now += ms

    for (const [task, due] of [...this.#tasks]) {
      if (due <= this.#now && this.#tasks.delete(task)) {
        task()
      }
    }
  }
}

class FakeSocket {
  destroyed = false
  readonly remoteAddress?: string
  readonly remotePort = 5
  #onClose?: () => void

  constructor (remoteAddress?: string) {
    if (remoteAddress != null) {
      this.remoteAddress = remoteAddress
    }
  }

  once (_: 'close', listener: () => void): void {
    this.#onClose = listener
  }

  destroy (): void {
    this.destroyed = true
    this.#onClose?.()
  }

  destroySoon (): void {}
}

function scene (): { accept: (address?: string) => FakeSocket, guard: SocketGuard, counts: SocketCounts, clock: Turned } {
  const clock = new Turned()
  const counts: SocketCounts = { pending: 0, expired: 0, dropped: 0 }
  const guard = new SocketGuard(new Wiring({ gaterTimeout: 1, startTimeout: 1, stopTimeout: 1, maxPendingSockets: 9, maxPendingSocketsPerGroup: 9, maxAnswers: 9, socketTimeout: TIMEOUT }, clock), counts)
  let connection: (socket: FakeSocket) => void = () => {}
  guard.watch({ server: { on: (_: string, listener: typeof connection) => { connection = listener } }, addEventListener: () => {} } as never)

  return {
    accept: address => {
      const socket = new FakeSocket(address)
      connection(socket)

      return socket
    },
    guard,
    counts,
    clock
  }
}

function rawFrom (address: string): MultiaddrConnection {
  return { remoteAddr: multiaddr(`/ip6/${address}/tcp/5/ws`) } as MultiaddrConnection
}

describe('SocketGuard', () => {
  it('takes two addresses that rules see as one for two sockets', () => {
    const { accept, guard, counts, clock } = scene()
    const upgraded = accept('2002:c000:201::1')
    const silent = accept('2002:c000:201::2')

    expect(guard.claim(rawFrom('2002:c000:201::1'))).toBeDefined()
    clock.turn(TIMEOUT)

    expect([upgraded.destroyed, silent.destroyed]).toEqual([false, true])
    expect(counts).toEqual({ pending: 0, expired: 1, dropped: 0 })
  })

  it('takes link-local addresses with their zone', () => {
    const { accept, guard, counts } = scene()
    accept('fe80::1%eth0')

    expect(counts.pending).toBe(1)
    expect(guard.claim(rawFrom('fe80::1'))).toBeDefined()
    expect(counts.pending).toBe(0)
  })

  it('knows nothing more of a socket that has gone', () => {
    const { accept, guard } = scene()
    accept('2001:db8::1').destroy()

    expect(guard.claim(rawFrom('2001:db8::1'))).toBeUndefined()
  })

  it('keeps the one that has come since on the same port', () => {
    const { accept, guard } = scene()
    const before = accept('2001:db8::1')
    accept('2001:db8::1')
    before.destroy()

    expect(guard.claim(rawFrom('2001:db8::1'))).toBeDefined()
  })

  it('destroys a socket that was gone before it was accepted', () => {
    const { accept, counts } = scene()

    expect(accept().destroyed).toBe(true)
    expect(counts.pending).toBe(0)
  })

  it('gives what is still being written a moment, and destroys it then', () => {
    const { accept, guard, clock } = scene()
    const socket = accept('2001:db8::1')
    guard.claim(rawFrom('2001:db8::1'))?.end()
    expect(socket.destroyed).toBe(false)

    clock.turn(1_000)
    expect(socket.destroyed).toBe(true)
  })

  it('destroys on stop what waits, and leaves the rest to its connection', () => {
    const { accept, guard, counts } = scene()
    const waiting = accept('2001:db8::1')
    const claimed = accept('2001:db8::2')
    guard.claim(rawFrom('2001:db8::2'))
    guard.stop()

    expect([waiting.destroyed, claimed.destroyed]).toEqual([true, false])
    expect(counts).toEqual({ pending: 0, expired: 0, dropped: 0 })
  })
})
