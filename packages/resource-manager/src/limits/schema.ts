import { count, lazy, list, object, optional, orFalse, parseOptions, record, rule, show, text, where } from '@cordon/options'
import { InvalidParametersError } from '@libp2p/interface'
import { MAX_NAME_LENGTH, MAX_NAMED, MAX_PREFIX_ENTRIES, NAME } from '../constants.ts'
import { peerIdFault } from '../peer-id.ts'
import { DEFAULT_SCOPES, NAMED_SCOPES } from './defaults.ts'
import type { LimitConfig, PartialScopeLimits, PrefixConfig, PrefixLevel, PrefixLimits } from '@cordon/interface-resource-manager'
import type { EntriesOf, Optional, Schema } from '@cordon/options'

/** More bits than an address has, or than a level can have at once */
const BITS = { ipv4: 32, ipv6: 128 } as const

const amount = (): Optional<number> => optional(count({ min: 0, unbounded: true }))

const scope = (): Schema<PartialScopeLimits> => object({
  connections: amount(),
  connectionsInbound: amount(),
  connectionsOutbound: amount(),
  streams: amount(),
  streamsInbound: amount(),
  streamsOutbound: amount(),
  fileDescriptors: amount(),
  memory: amount()
})

const bucket = (): EntriesOf<Pick<PrefixLimits, 'rate' | 'burst'>> => ({
  rate: optional(rule<number>('a number of at least 0, or Infinity', value => typeof value === 'number' && value >= 0)),
  burst: amount()
})

const prefix = (): Schema<PrefixLimits> => object({ connections: amount(), ...bucket() })

function levels (family: keyof typeof BITS): Schema<PrefixLevel[]> {
  const level: Schema<PrefixLevel> = object({ length: count({ min: 0, max: BITS[family] }), connections: amount(), ...bucket() })
  return where(list(level, { max: BITS[family] + 1 }), values => {
    const lengths = values.map(({ length }) => length)
    const twice = lengths.find((length, index) => lengths.indexOf(length) !== index)
    return twice == null ? undefined : `there are two levels of length ${twice}`
  })
}

const prefixes = (): Schema<PrefixConfig> => object({
  ipv4: optional(levels('ipv4')),
  ipv6: optional(levels('ipv6')),
  // whether the keys are prefixes is seen where they are read, by `prefixRules`
  entries: optional(record(orFalse(prefix()), { max: MAX_PREFIX_ENTRIES })),
  relay: optional(prefix()),
  relayed: optional(prefix()),
  other: optional(prefix()),
  global: optional(object(bucket()))
})

/** What a limit configuration may hold */
export const limitSchema: Schema<LimitConfig> = lazy(() => {
  const named = optional(record(scope(), { max: MAX_NAMED, key: text({ max: MAX_NAME_LENGTH }) }))
  const scopes = Object.fromEntries(DEFAULT_SCOPES.map(name => [name, optional(scope())]))
  const maps = Object.fromEntries(Object.keys(NAMED_SCOPES).map(name => [name, named]))
  return object({ ...scopes, ...maps, prefixes: optional(prefixes()) })
})

/**
 * Reads limits that a user wrote.
 *
 * @throws {InvalidParametersError} with the path and the value of the first one that is wrong
 */
export function parseLimits (value: unknown): LimitConfig {
  return parseOptions(limitSchema, `${NAME}.limits`, value)
}

/**
 * Checks that whoever is named as a peer can be one: outside the core a peer has no other name than its id.
 *
 * @throws {InvalidParametersError} with the path of the first that is none
 */
export function checkPeers ({ peer = {} }: LimitConfig): void {
  for (const name of Object.keys(peer)) {
    const fault = peerIdFault(name)
    if (fault !== undefined) throw new InvalidParametersError(`${NAME}.limits.peer[${show(name)}] ${fault}`)
  }
}
