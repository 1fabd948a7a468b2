import { multiaddr } from '@multiformats/multiaddr'
import type { CloseReason, ConnectionRecord, ConnectionState, HandshakePhase, LifecycleEvent, NormalisedAddress, Refusal } from '@cordon/interface-connection-lifecycle'

/** An IPv4 address as far as the example reads it */
export function addressOf (host: string): NormalisedAddress {
  return { key: host, class: 'loopback', family: 4, words: [0], groups: [`${host}/32`], share: `${host}/32`, transport: 'tcp' }
}

/** A record without a connection behind it */
export function recordOf (host: string, state: ConnectionState = 'handshaking', phase: HandshakePhase | undefined = state === 'handshaking' ? 'encrypt' : undefined): ConnectionRecord {
  return {
    id: '1',
    direction: 'inbound',
    remoteAddr: multiaddr(`/ip4/${host}/tcp/1`),
    address: addressOf(host),
    state,
    ...(phase == null ? {} : { phase }),
    openedAt: 0,
    signal: new AbortController().signal,
    close: async () => {}
  }
}

export function closed (host: string, reason: CloseReason): LifecycleEvent {
  return { type: 'connection:closed', record: recordOf(host, 'closed'), reason }
}

export function refused (host: string, refusal: Refusal): LifecycleEvent {
  return { type: 'connection:refused', record: recordOf(host, 'closed'), refusal }
}

/** Its group was full */
export const CROWDED: Refusal = { code: 'crowded', module: 'lifecycle', message: 'full', current: 32, limit: 32, configPath: 'lifecycle.maxHandshakingPerGroup' }

export const BLOCKED: Refusal = { code: 'blocked', module: 'gater', message: 'a rule says so' }
