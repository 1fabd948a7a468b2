import type { Work } from './peer.ts'
import type { MessageStream, Stream, StreamMessageEvent } from '@libp2p/interface'

export const ECHO = '/cordon/bench/echo/1.0.0'
export const SINK = '/cordon/bench/sink/1.0.0'

const MESSAGE = new Uint8Array(32)
const CHUNK = new Uint8Array(64 * 1024)

/** Sends back what comes, until the other side has said all */
export function echo (stream: Stream): void {
  stream.addEventListener('message', ({ data }) => { stream.send(data) })
  stream.addEventListener('remoteCloseWrite', () => { close(stream) })
}

/** Swallows what comes, and answers with how many bytes that were once the other side has said all */
export function sink (stream: Stream): void {
  let total = 0

  stream.addEventListener('message', ({ data }) => { total += data.byteLength })
  stream.addEventListener('remoteCloseWrite', () => {
    stream.send(new TextEncoder().encode(String(total)))
    close(stream)
  })
}

/** Sends one message and waits until it has come back whole */
export async function exchange (stream: Stream): Promise<void> {
  let received = 0
  const echoed = next(stream, ({ data }) => (received += data.byteLength) >= MESSAGE.byteLength)

  stream.send(MESSAGE)
  await echoed
  await stream.close()
}

/** Sends for so long, and counts the time until the other side has said how much arrived */
export async function bulk (stream: Stream, seconds: number): Promise<Work> {
  const startedAt = performance.now()
  let answer = ''
  const answered = next(stream, ({ data }) => {
    answer += new TextDecoder().decode(data.subarray())
    return true
  })
  const [sent] = await Promise.all([sendFor(stream, seconds), answered])

  if (Number(answer) !== sent) {
    throw new Error(`sent ${sent} bytes, ${answer} arrived`)
  }

  return { count: sent, seconds: (performance.now() - startedAt) / 1_000 }
}

async function sendFor (stream: Stream, seconds: number): Promise<number> {
  const until = performance.now() + seconds * 1_000
  let sent = 0

  while (performance.now() < until) {
    sent += CHUNK.byteLength

    if (!stream.send(CHUNK)) {
      await drained(stream)
    }
  }

  await stream.close()

  return sent
}

/** Resolves with the first message that is enough; rejects when the stream ends before */
async function next (stream: MessageStream, enough: (event: StreamMessageEvent) => boolean): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    stream.addEventListener('message', event => {
      if (enough(event)) {
        resolve()
      }
    })
    stream.addEventListener('close', ({ error }) => { reject(error ?? new Error('the stream ended too early')) })
  })
}

/** `onDrain` waits only once in the life of a stream (libp2p 3.3.11), so the event it is */
async function drained (stream: MessageStream): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const done = (): void => {
      stream.removeEventListener('drain', done)
      stream.removeEventListener('close', failed)
      resolve()
    }
    const failed = (): void => { reject(new Error('the stream ended while it was full')) }

    stream.addEventListener('drain', done)
    stream.addEventListener('close', failed)
  })
}

function close (stream: Stream): void {
  stream.close().catch((error: unknown) => {
    stream.abort(error instanceof Error ? error : new Error(String(error)))
  })
}
