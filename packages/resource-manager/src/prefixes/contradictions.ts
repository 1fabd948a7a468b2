import { formatPrefix, parsePrefix } from '@cordon/address'
import { show } from '@cordon/options'
import { NAME } from '../constants.ts'
import { relayedByDefault } from './rules.ts'
import type { LimitWarning, PrefixConfig, PrefixLevel, PrefixLimits } from '@cordon/interface-resource-manager'

const ROOT = `${NAME}.limits.prefixes`

/**
 * What in a configuration of prefixes is accepted but cannot be meant; as with scopes, `Infinity` never is among it.
 *
 * @param inbound - how many inbound connections the node may have
 * @param trusted - how many more there may be of those whom the operator trusts, who count where they come from as well
 */
export function findPrefixContradictions (config: PrefixConfig, inbound: number, trusted: number): LimitWarning[] {
  const most = inbound + trusted
  const { ipv4 = [], ipv6 = [], entries = {}, relay = {}, relayed = {}, other = {}, global = {} } = config
  return [
    ...judgeLevels(`${ROOT}.ipv4`, ipv4, most),
    ...judgeLevels(`${ROOT}.ipv6`, ipv6, most),
    ...Object.entries(entries).flatMap(([name, limits]) => judgeEntry(`${ROOT}.entries[${show(name)}]`, name, limits, most)),
    ...judgeRelays(config, inbound, most),
    ...judgeBucket(`${ROOT}.relay`, relay),
    ...judgeBucket(`${ROOT}.relayed`, relayed),
    ...judgeCount(`${ROOT}.other`, other, most),
    ...judgeBucket(`${ROOT}.other`, other),
    ...judgeBucket(`${ROOT}.global`, global)
  ]
}

/** Each level must have room, so a narrow one never gets more than a wide one */
function judgeLevels (path: string, levels: readonly PrefixLevel[], inbound: number): LimitWarning[] {
  return levels.flatMap((level, index) => {
    const { length, connections = Infinity } = level
    const wider = levels.filter(other => other.length < length && (other.connections ?? Infinity) < connections)
    const warnings = connections === Infinity
      ? []
      : wider.map(other => warningAt(`${path}[${index}].connections`, `is ${connections}, but each /${other.length} lets only ${other.connections} through`))
    return [...warnings, ...judgeCount(`${path}[${index}]`, level, inbound), ...judgeBucket(`${path}[${index}]`, level)]
  })
}

/** One relay never gets more than all of them, and these no more than the node */
function judgeRelays ({ relay = {}, relayed }: PrefixConfig, inbound: number, most: number): LimitWarning[] {
  const ofOne = relay.connections ?? Infinity
  const ofAll = (relayed ?? relayedByDefault(inbound)).connections ?? Infinity
  const one = ofOne < Infinity && ofOne > ofAll
    ? [warningAt(`${ROOT}.relay.connections`, `is ${ofOne}, but all relays together let only ${ofAll} through`)]
    : judgeCount(`${ROOT}.relay`, relay, most)
  return [...one, ...judgeCount(`${ROOT}.relayed`, relayed ?? {}, most)]
}

/** No place has more connections than the node */
function judgeCount (path: string, { connections = Infinity }: PrefixLimits, inbound: number): LimitWarning[] {
  if (connections === Infinity || connections <= inbound) return []
  return [warningAt(`${path}.connections`, `is ${connections}, but the node admits only ${inbound} inbound connections`)]
}

function judgeEntry (path: string, name: string, limits: PrefixLimits | false, inbound: number): LimitWarning[] {
  const read = readAs(name)
  return [
    ...(read === undefined ? [] : [warningAt(path, `is read as ${read}: what is beyond its length does not count`)]),
    ...(limits === false ? [] : [...judgeCount(path, limits, inbound), ...judgeBucket(path, limits)])
  ]
}

/** A burst belongs to a rate */
function judgeBucket (path: string, { rate = Infinity, burst }: PrefixLimits): LimitWarning[] {
  if (burst === Infinity) return rate === 0 || rate === Infinity ? [] : [warningAt(`${path}.rate`, `is ${rate}, but a burst without an end is never over`)]
  if (burst === undefined || (rate > 0 && rate < Infinity)) return []
  return [warningAt(`${path}.burst`, `is ${burst}, but ${rate === 0 ? 'a rate of 0 admits nobody' : 'there is no rate that it could exceed'}`)]
}

/** What an entry comes to that has more bits than count, such as `192.0.2.1/24` */
function readAs (name: string): string | undefined {
  const prefix = parsePrefix(name)
  const [address = ''] = name.split('/')
  const { family, words } = parsePrefix(address)
  return family === prefix.family && words.some((word, index) => word !== prefix.words[index]) ? formatPrefix(prefix) : undefined
}

function warningAt (path: string, what: string): LimitWarning {
  return { path, message: `${path} ${what}` }
}
