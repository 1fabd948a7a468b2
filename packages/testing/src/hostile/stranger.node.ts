import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { within } from '../eventually.ts'
import type { ComponentLogger, Connection, DialTransportOptions, Logger, MessageStream, MultiaddrConnection, PrivateKey, StreamMuxerFactory, Upgrader } from '@libp2p/interface'
import type { TCPSocketOptions } from '@libp2p/tcp'

export interface StrangerInit {
  readonly port: number

  /** An IPv4 or IPv6 address. @default '127.0.0.1' */
  readonly host?: string

  readonly localAddress?: string | undefined

  /** Who it says it is */
  readonly privateKey: PrivateKey

  /**
   * How many of its messages it sends before it holds the next one back: 1 is the name of multistream-select, 2 that
   * of noise, 3 and 4 its messages of noise. A fraction sends so much of the next one too. All of them by default,
   * after which the other side has a connection that is ready.
   */
  readonly messages?: number

  /** Whether it names its muxer within noise, as libp2p does. Otherwise the other side waits for that too. @default true */
  readonly earlyMuxer?: boolean

  /** For getting as far as it shall, in ms. @default 5_000 */
  readonly deadline?: number
}

/**
 * A peer without a node: its handshake is done by hand and stops where it is told to, at a few milliseconds for each.
 */
export interface Stranger {
  readonly ended: boolean

  /** How many bytes it has sent */
  readonly sent: number

  /** Called once when its connection has ended, whoever ended it; at once when it has */
  onEnd (listener: () => void): void

  /** Sends in this very tick what it held back, and goes on */
  proceed (): void

  /** Opens so many yamux streams in one write, and never says a word on them. Only after all messages. */
  openStreams (count: number): void

  /** Ends its connection: `reset` with RST, `close` in order */
  end (how: 'reset' | 'close'): void
}

const MULTISTREAM = line('/multistream/1.0.0')
const NOISE = line('/noise')

/** Yamux, `https://github.com/hashicorp/yamux/blob/master/spec.md`: a window update that opens a stream and adds nothing */
const HEADER_LENGTH = 12
const WINDOW_UPDATE = 1
const SYN = 1

function line (text: string): Uint8Array {
  const bytes = new TextEncoder().encode(`${text}\n`)
  return Uint8Array.from([bytes.length, ...bytes])
}

function silentLogger (): Logger {
  return Object.assign(() => {}, { enabled: false, trace: () => {}, error: () => {}, newScope: silentLogger })
}

const logger: ComponentLogger = { forComponent: silentLogger }

/** All that noise asks the upgrader for */
const muxers = new Map<string, StreamMuxerFactory>()
muxers.set('/yamux/1.0.0', yamux()())

/** Connects; what libp2p would make of the connection is left to us */
async function connect ({ host = '127.0.0.1', port, localAddress }: StrangerInit, deadline: number): Promise<MultiaddrConnection> {
  // not one that aborts by itself: it would destroy the socket at any later time, too
  const control = new AbortController()
  const { promise, resolve } = Promise.withResolvers<MultiaddrConnection>()
  const upgrader = {
    upgradeOutbound: async (raw: MultiaddrConnection) => {
      resolve(raw)
      return undefined as unknown as Connection
    }
  } as Partial<Upgrader> as Upgrader
  // all of these go to `net.connect`, which knows more of them than the type says
  const dialOpts: TCPSocketOptions & { localAddress?: string } = localAddress == null ? {} : { localAddress }
  const options: DialTransportOptions = { upgrader, signal: control.signal }
  const dialled = tcp({ dialOpts })({ logger }).dial(multiaddr(`/ip${host.includes(':') ? 6 : 4}/${host}/tcp/${port}`), options)
  try {
    await within(deadline, `connecting to ${host}:${port}`, dialled)
  } catch (err) {
    control.abort()
    throw err
  }
  return promise
}

class StrangerClass implements Stranger {
  readonly #raw: MultiaddrConnection
  readonly #send: MultiaddrConnection['send']
  /** Resolves when it is as far as it shall be */
  readonly reached: PromiseWithResolvers<void> = Promise.withResolvers()
  #left: number
  #held: Array<Parameters<MultiaddrConnection['send']>[0]> = []
  #secured: MessageStream | undefined
  #nextStream = 1
  sent = 0

  constructor (raw: MultiaddrConnection, messages: number) {
    this.#raw = raw
    this.#left = messages
    this.#send = raw.send.bind(raw)
    raw.send = data => this.#say(data)
    this.onEnd(() => { this.reached.reject(new Error('the connection ended before it was as far as it should be')) })
    // told by `handshake`, too
    this.reached.promise.catch(() => {})
  }

  get ended (): boolean {
    return this.#raw.status !== 'open'
  }

  onEnd (listener: () => void): void {
    if (this.ended) listener()
    else this.#raw.addEventListener('close', listener, { once: true })
  }

  proceed (): void {
    const held = this.#held
    this.#held = []
    this.#left = Infinity
    if (this.ended) return
    for (const data of held) this.#say(data)
  }

  openStreams (count: number): void {
    if (this.#secured == null) throw new Error('streams can be opened only after the handshake')
    const frames = new DataView(new ArrayBuffer(count * HEADER_LENGTH))
    for (let at = 0; at < frames.byteLength; at += HEADER_LENGTH) {
      frames.setUint8(at + 1, WINDOW_UPDATE)
      frames.setUint16(at + 2, SYN)
      frames.setUint32(at + 4, this.#nextStream)
      this.#nextStream += 2
    }
    if (!this.ended) this.#secured.send(new Uint8Array(frames.buffer))
  }

  end (how: 'reset' | 'close'): void {
    if (how === 'reset') this.#raw.abort(new Error('reset by the test'))
    else this.#raw.close().catch(() => {})
  }

  /** Its part of the handshake, from the first byte to the last */
  async handshake ({ privateKey, earlyMuxer = true }: StrangerInit): Promise<void> {
    const raw = this.#raw
    raw.send(MULTISTREAM)
    raw.send(NOISE)
    await this.#receive(MULTISTREAM.length + NOISE.length)
    const encrypter = noise()({ privateKey, logger, upgrader: { getStreamMuxers: () => muxers } } as unknown as Parameters<ReturnType<typeof noise>>[0])
    const { connection } = await encrypter.secureOutbound(raw, { skipStreamMuxerNegotiation: !earlyMuxer })
    // whatever is said is read, or the buffer would overflow
    connection.addEventListener('message', () => {})
    this.#secured = connection
    this.reached.resolve()
  }

  #say (data: Parameters<MultiaddrConnection['send']>[0]): boolean {
    if (this.#left >= 1) {
      this.#left--
      this.sent += data.byteLength
      return this.#send(data)
    }
    const part = this.#held.length === 0 ? Math.ceil(data.byteLength * this.#left) : 0
    if (part > 0) {
      this.sent += part
      this.#send(data.subarray(0, part))
    }
    this.#held.push(data.subarray(part))
    this.reached.resolve()
    return true
  }

  /** Waits for so many bytes; the other side sends no more than these before we speak again */
  async #receive (length: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    let left = length
    const onMessage = ({ data }: { data: { byteLength: number } }): void => {
      left -= data.byteLength
      if (left > 0) return
      this.#raw.removeEventListener('message', onMessage)
      resolve(undefined)
    }
    this.#raw.addEventListener('message', onMessage)
    this.onEnd(() => { reject(new Error('the connection ended during negotiation')) })
    await promise
  }
}

/**
 * Connects, and resolves once it has said what it shall.
 *
 * @throws {Error} when it is refused or cut before that, or at the deadline
 */
export async function stranger (init: StrangerInit): Promise<Stranger> {
  const { messages = Infinity, deadline = 5_000 } = init
  const self = new StrangerClass(await connect(init, deadline), messages)
  self.handshake(init).catch((err: unknown) => { self.reached.reject(err) })
  try {
    await within(deadline, 'a handshake by hand', self.reached.promise)
  } catch (err) {
    self.end('reset')
    throw err
  }
  return self
}
