import { WrongPeerError } from '@cordon/interface-connection-lifecycle'
import { asError } from './attachment.ts'
import type { Attachment } from './attachment.ts'
import type { Wiring } from './wiring.ts'
import type { ConnectionEncrypter, ConnectionProtector, MessageStream, SecureConnectionOptions, SecuredConnection } from '@libp2p/interface'

/** Lets the stream that a protector makes (a private network) be traced back to its raw connection */
export function wrapProtector<P extends ConnectionProtector> (protector: P, wiring: Wiring): P {
  const protect = protector.protect.bind(protector)

  protector.protect = async (raw, options) => {
    const result = await protect(raw, options)
    follow(wiring, raw, result)

    return result
  }

  return protector
}

/** Lets the decrypted stream be traced back to its raw connection, and notes when the peer proves to be another one */
export function wrapEncrypter<E extends ConnectionEncrypter> (encrypter: E, wiring: Wiring): E {
  const secureInbound = encrypter.secureInbound.bind(encrypter)
  const secureOutbound = encrypter.secureOutbound.bind(encrypter)

  encrypter.secureInbound = async (stream: MessageStream, options?: SecureConnectionOptions) => {
    try {
      const result: SecuredConnection = await secureInbound(stream, options)
      follow(wiring, stream, result.connection)

      return result
    } catch (error) {
      // a dial may be secured as if it were inbound (hole punching)
      noteWrongPeer(wiring.find(stream), options, error)

      throw error
    }
  }

  encrypter.secureOutbound = async (stream: MessageStream, options?: SecureConnectionOptions) => {
    try {
      const result: SecuredConnection = await secureOutbound(stream, options)
      follow(wiring, stream, result.connection)

      return result
    } catch (error) {
      noteWrongPeer(wiring.find(stream), options, error)

      throw error
    }
  }

  return encrypter
}

function follow (wiring: Wiring, from: MessageStream, to: MessageStream): void {
  const attachment = wiring.find(from)

  if (attachment != null) {
    wiring.link(to, attachment)
  }
}

/** libp2p keeps the message of this error only; a peer that proves to be another one need not be dialled again */
function noteWrongPeer (attachment: Attachment | undefined, options: SecureConnectionOptions | undefined, error: unknown): void {
  const cause = asError(error)

  if (attachment != null && options?.remotePeer != null && cause.name === 'UnexpectedPeerError') {
    attachment.wrongPeer = new WrongPeerError(options.remotePeer.toString(), undefined, { cause })
  }
}
