import { settle } from './sockets.node.ts'
import { clientFrame } from './websocket.node.ts'
import type { Socket } from 'node:net'

/**
 * What a peer does that never finishes the upgrade:
 *
 * - `a1` connects and destroys the socket, `a2` resets it at once, `a3` ends it in order
 * - `b` connects and stays silent
 * - `c1` sends bytes that are no multistream-select, `c2` agrees on noise and then stays silent,
 *   `c3` agrees on noise and sends a message that is too short to be one
 */
export type RawPhase = 'a1' | 'a2' | 'a3' | 'b' | 'c1' | 'c2' | 'c3'

/**
 * A length of 5 and bytes without the newline that multistream-select asks for, so that its very first read fails
 * instead of waiting for more, as it does for most random bytes
 */
const GARBAGE = Uint8Array.of(5, ...new Uint8Array(127).fill(0xff))

/** A length prefix (2 bytes, big endian) and 5 bytes; the shortest noise message is a key of 32 */
const BAD_NOISE = Uint8Array.of(0, 5, 1, 2, 3, 4, 5)

function line (text: string): Uint8Array {
  const bytes = new TextEncoder().encode(`${text}\n`)
  return Uint8Array.from([bytes.length, ...bytes])
}

const SELECT_NOISE = Uint8Array.from([...line('/multistream/1.0.0'), ...line('/noise')])

async function send (socket: Socket, bytes: Uint8Array, framed: boolean): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.write(framed ? clientFrame(bytes) : bytes, err => {
      if (err == null) resolve()
      else reject(err)
    })
  })
}

async function selectNoise (socket: Socket, framed: boolean): Promise<void> {
  const answered = settle(socket, 'data')
  await Promise.all([send(socket, SELECT_NOISE, framed), answered])
}

/**
 * Does what the phase asks for with a connected socket, and resolves when that is done.
 *
 * @param framed - whether bytes go into WebSocket messages
 */
export async function act (phase: RawPhase, socket: Socket, framed: boolean): Promise<void> {
  switch (phase) {
    case 'a1': socket.destroy(); return
    case 'a2': socket.resetAndDestroy(); return
    case 'a3': socket.end(); break
    case 'b': break
    case 'c1': await send(socket, GARBAGE, framed); break
    case 'c2': await selectNoise(socket, framed); break
    case 'c3':
      await selectNoise(socket, framed)
      await send(socket, BAD_NOISE, framed)
      break
  }
  // reads on, or it would not notice that the other side ends it
  socket.resume()
}
