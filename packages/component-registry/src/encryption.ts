import { WrongPeerError } from '@cordon/interface-connection-lifecycle'
import { asError } from './attachment.ts'
import { NOISE_PROTOCOL } from './constants.ts'
import { delegate } from './delegate.ts'
import type { Attachment } from './attachment.ts'
import type { Wiring } from './wiring.ts'
import type { ConnectionEncrypter, ConnectionProtector, MessageStream, SecureConnectionOptions, SecuredConnection } from '@libp2p/interface'

/** Lets the stream that a protector makes (a private network) be traced back to its raw connection */
export function wrapProtector<P extends ConnectionProtector> (protector: P, wiring: Wiring): P {
  const methods: Partial<ConnectionProtector> = {
    protect: async (raw, options) => {
      const attachment = wiring.find(raw)
      const result = await between(attachment, 'encryption', async () => protector.protect(raw, options))
      follow(wiring, raw, result)

      if (attachment?.proposing != null) {
        attachment.propose(result)
      }

      return result
    }
  }

  return delegate(protector, methods as Partial<P>)
}

/** Lets the decrypted stream be traced back to its raw connection, and notes when the peer proves to be another one */
export function wrapEncrypter<E extends ConnectionEncrypter> (encrypter: E, wiring: Wiring): E {
  const secure = (how: 'secureInbound' | 'secureOutbound') => async (stream: MessageStream, options?: SecureConnectionOptions): Promise<SecuredConnection> => {
    const attachment = wiring.find(stream)

    try {
      const result: SecuredConnection = await between(attachment, 'muxer', async () => encrypter[how](stream, options))
      follow(wiring, stream, result.connection)

      return result
    } catch (error) {
      // a dial may be secured as if it were inbound (hole punching)
      if (attachment != null) {
        noteFailure(attachment, encrypter.protocol, options, error)
      }

      throw error
    }
  }
  const methods: Partial<ConnectionEncrypter> = { secureInbound: secure('secureInbound'), secureOutbound: secure('secureOutbound') }

  return delegate(encrypter, methods as Partial<E>)
}

function follow (wiring: Wiring, from: MessageStream, to: MessageStream): void {
  const attachment = wiring.find(from)

  if (attachment != null) {
    wiring.link(to, attachment)
  }
}

/** Nothing is proposed while others are at work; after that what comes next, where we are who proposes */
async function between<T> (attachment: Attachment | undefined, next: Attachment['proposing'], work: () => Promise<T>): Promise<T> {
  const proposes = attachment?.proposing != null

  if (proposes) {
    attachment.proposing = undefined
  }

  const result = await work()

  if (proposes) {
    attachment.proposing = next
  }

  return result
}

/**
 * libp2p keeps the messages of these errors only. A peer that proves to be another one need not be dialled again, and
 * neither does one with which noise, once it had proven who it is, agreed upon no muxer.
 */
function noteFailure (attachment: Attachment, protocol: string, options: SecureConnectionOptions | undefined, error: unknown): void {
  const cause = asError(error)

  if (cause.name === 'UnexpectedPeerError' && options?.remotePeer != null) {
    attachment.wrongPeer = new WrongPeerError(options.remotePeer.toString(), undefined, { cause })
  } else if (cause.name === 'InvalidCryptoExchangeError' && protocol === NOISE_PROTOCOL) {
    attachment.proposing = 'muxer'
  }
}
