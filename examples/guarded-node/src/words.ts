import { isGateRefusal } from '@cordon/interface-connection-gater'
import { HandshakeTimeoutError } from '@cordon/interface-connection-lifecycle'
import { isResourceRefusal } from '@cordon/interface-resource-manager'
import type { CloseCode, CloseReason, NormalisedAddress, Refusal } from '@cordon/interface-connection-lifecycle'
import type { LimitKey, ResourceRefusal, ScopeClass } from '@cordon/interface-resource-manager'

/** What became of a connection, as far as the table tells them apart */
export type Fate = 'left' | 'refused' | 'dropped'

/** Longer texts are of no use in a terminal, and a peer may have chosen their length */
const MAX_TEXT = 160

/** Of one host; wider groups keep their prefix length */
const SINGLE_HOST = /^(.*)\/(?:32|128)$/

/**
 * Text that may hold what a peer sent, fit for a terminal: printable ASCII and nothing else, so that no control
 * byte moves the cursor and no wide or invisible character upsets the columns.
 */
export function printable (text: string): string {
  const safe = text.slice(0, MAX_TEXT).replace(/\s+/g, ' ').replace(/[^\x20-\x7e]/g, '?')
  return text.length > MAX_TEXT ? `${safe}...` : safe
}

/** How the group that shares one allowance is called: a host by its address, more of them by their prefix */
export function groupName ({ share }: Pick<NormalisedAddress, 'share'>): string {
  return printable(share.replace(SINGLE_HOST, '$1'))
}

/** Who ended a connection, and whether that was an answer to what it did */
export function fate ({ code }: CloseReason): Fate {
  switch (code) {
    case 'remote-close':
    case 'remote-reset':
    case 'local-close':
    case 'local-abort':
    case 'shutdown':
      return 'left'
    case 'refused':
      return 'refused'
    default:
      return 'dropped'
  }
}

/** Reasons that need no more words than their own */
const PLAIN: Partial<Record<CloseCode, string>> = {
  'remote-close': 'it hung up',
  'remote-reset': 'it cut the connection',
  'local-close': 'we hung up',
  'local-abort': 'we cut the connection',
  evicted: 'its place went to somebody else',
  limit: 'it was over a limit',
  idle: 'it was idle for too long',
  lifetime: 'its time was up',
  bytes: 'it had used up its bytes',
  misbehaved: 'it misbehaved',
  unhealthy: 'it no longer answered',
  shutdown: 'the node stopped'
}

/** What was not done in time, by phase of the handshake */
const LATE: Record<string, string> = {
  encrypt: 'it did not prove who it is',
  multiplex: 'it agreed on no multiplexer',
  handshake: 'it did not finish its handshake',
  total: 'it was not ready'
}

/** Why a connection was closed, as the end of a sentence */
export function why (reason: CloseReason): string {
  const { code, refusal, error } = reason
  const plain = PLAIN[code]
  if (plain != null) return plain
  if (refusal != null) return whyNot(refusal)
  if (isTimeout(error)) return `${LATE[error.phase] ?? 'it was too slow'} within ${seconds(error.deadline)}`
  const detail = error == null || error.message === '' ? '' : ` (${printable(error.message)})`
  return code === 'deadline' ? `it was too slow${detail}` : `its handshake failed${detail}`
}

/** What a limit is about */
const RESOURCE_WORDS: Readonly<Record<LimitKey, string>> = {
  connections: 'connections',
  connectionsInbound: 'inbound connections',
  connectionsOutbound: 'outbound connections',
  streams: 'streams',
  streamsInbound: 'inbound streams',
  streamsOutbound: 'outbound streams',
  fileDescriptors: 'descriptors',
  memory: 'bytes'
}

/** What is said of whoever a rule refuses */
export const SHUT_OUT = 'a rule shuts it out'

/** Who held what was full; a sentence in which the whole name of a peer stands fits in no terminal */
const HOLDERS: Partial<Record<ScopeClass, string>> = {
  system: 'the node',
  transient: 'the node, of peers not known yet,',
  peer: 'its peer',
  prefix: 'its part of the network'
}

/** Why a connection was not let in, or had to make room, as the end of a sentence */
export function whyNot (refusal: Refusal): string {
  const { code, current, limit, configPath } = refusal
  if (code === 'stopping') return 'the node is stopping'
  if (isResourceRefusal(refusal)) return overLimit(refusal)
  // the sentence has the rule, and with it the whole name of a peer
  if (isGateRefusal(refusal)) return SHUT_OUT
  if (code !== 'crowded' || current == null || limit == null) return printable(refusal.message)
  return configPath?.endsWith('PerGroup') === true
    ? `it held ${current} of ${limit} handshakes of its group`
    : `the node held ${current} of ${limit} handshakes, and this one had to go`
}

function overLimit ({ scopeClass, cause, current, limit, message }: ResourceRefusal): string {
  const holder = HOLDERS[scopeClass]
  if (cause === 'rate') return 'more came from there than may in so short a time'
  if (holder == null || cause == null) return printable(message)
  return `${holder} held ${current} of ${limit} ${RESOURCE_WORDS[cause]}`
}

/** A duration as people say it; less than ten seconds with what matters of its fraction */
export function seconds (ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${Number((ms / 1_000).toFixed(1))} s`
}

/** The class may exist twice in one tree, so its name decides */
function isTimeout (error: Error | undefined): error is HandshakeTimeoutError {
  return error?.name === HandshakeTimeoutError.name
}
