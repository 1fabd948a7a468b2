import { noise } from '@libp2p/noise'
import type { ConnectionEncrypter, MessageStream, PeerId, SecureConnectionOptions } from '@libp2p/interface'

type NoiseComponents = Parameters<ReturnType<typeof noise>>[0]

/** What it does instead of encrypting: nothing, send what is no noise message, or cut or close what carries it */
export type EncrypterKind = 'stalls' | 'sends garbage' | 'cuts' | 'closes'

export const ENCRYPTER_KINDS: readonly EncrypterKind[] = ['stalls', 'sends garbage', 'cuts', 'closes']

/**
 * Noise, until this peer is to be authenticated: for transports with no socket of their own to misbehave with.
 * Towards others, such as the relay on the way, it is honest.
 */
export function hostileEncrypter (kind: EncrypterKind, towards: PeerId): (components: NoiseComponents) => ConnectionEncrypter {
  return components => {
    const honest = noise()(components)
    const secureOutbound = honest.secureOutbound.bind(honest)
    return Object.assign(honest, {
      secureOutbound: async (stream: MessageStream, options?: SecureConnectionOptions) => {
        if (options?.remotePeer?.equals(towards) !== true) return secureOutbound(stream, options)
        if (kind === 'cuts') stream.abort(new Error('cut'))
        if (kind === 'closes') await stream.close()
        if (kind === 'sends garbage') stream.send(new Uint8Array(64).fill(0xff))
        return new Promise<never>((_resolve, reject) => {
          const end = (): void => { reject(new Error('done')) }
          stream.addEventListener('close', end, { once: true })
          options.signal?.addEventListener('abort', end, { once: true })
          if (stream.status !== 'open') end()
        })
      }
    })
  }
}
