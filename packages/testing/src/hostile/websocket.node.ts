import { createHash, randomBytes } from 'node:crypto'
import http from 'node:http'
import { within } from '../eventually.ts'
import type { ConnectInit, Sockets } from './sockets.node.ts'
import type { Socket } from 'node:net'

/** RFC 6455 section 1.3 */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** FIN and the opcode of a binary message, RFC 6455 section 5.2 */
const FINAL_BINARY = 0x82
const MASKED = 0x80

/** A binary message as a client sends it: one frame, masked */
export function clientFrame (payload: Uint8Array): Uint8Array {
  const { length } = payload
  if (length > 0xffff) throw new RangeError(`a frame of at most 65535 bytes, got ${length}`)
  const head = length < 126 ? [FINAL_BINARY, MASKED | length] : [FINAL_BINARY, MASKED | 126, length >>> 8, length & 0xff]
  const mask = randomBytes(4)
  return Uint8Array.from([...head, ...mask, ...payload.map((byte, i) => byte ^ (mask[i % 4] ?? 0))])
}

/**
 * Opens a WebSocket by hand and answers with the raw socket below it, so that everything can be done to it that
 * a WebSocket implementation would not do.
 */
export async function upgradeSocket (sockets: Sockets, init: ConnectInit, deadline: number): Promise<Socket> {
  const { host, port, localAddress } = init
  const request = http.request({
    host,
    port,
    ...(localAddress == null ? {} : { localAddress }),
    // no pool: the socket is ours
    agent: false,
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': randomBytes(16).toString('base64')
    }
  })
  request.once('socket', socket => { sockets.add(socket) })
  const upgraded = new Promise<Socket>((resolve, reject) => {
    request.once('upgrade', (_response, socket, head) => {
      if (head.length > 0) socket.unshift(head)
      resolve(socket)
    })
    request.once('response', response => {
      response.resume()
      reject(new Error(`status ${response.statusCode} instead of an upgrade`))
    })
    // stays, because a socket that is reset later tells the request too
    request.on('error', reject)
  })
  request.end()
  try {
    return await within(deadline, `upgrading to a WebSocket at ${host}:${port}`, upgraded)
  } catch (err) {
    request.destroy()
    throw err
  }
}

/** What a server answers to make a WebSocket of an HTTP request */
export function acceptUpgrade (request: http.IncomingMessage): string {
  const key = request.headers['sec-websocket-key'] ?? ''
  const accept = createHash('sha1').update(key + GUID).digest('base64')
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`
}
