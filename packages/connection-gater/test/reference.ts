import { contains, parsePrefix } from '@cordon/address'
import type { GateTarget, RuleAction, RuleDirection } from '@cordon/interface-connection-gater'

/** A rule as the naive reference has it: its text is not interpreted by the code under test */
export interface NaiveRule {
  readonly action: RuleAction
  readonly direction: RuleDirection
  readonly kind: 'peer' | 'range' | 'relay' | 'transport' | 'relayed' | 'name' | 'below' | 'at'
  readonly value: string
  /** The transport of a pattern */
  readonly transport?: string
}

/** How the rule is written for the gater */
export function textOf ({ kind, value, transport = '' }: NaiveRule): string {
  switch (kind) {
    case 'relay': return `/p2p/${value}/p2p-circuit`
    case 'transport': return `/${value}`
    case 'relayed': return '/p2p-circuit'
    case 'name': return `/dns/${value}${transport === '' ? '' : `/${transport}`}`
    case 'below': return `/dns/*.${value}${transport === '' ? '' : `/${transport}`}`
    case 'at': {
      const [ip = '', length = ''] = value.split('/')
      return `/ip${ip.includes(':') ? 6 : 4}/${ip}/ipcidr/${length}/${transport}`
    }
    default: return value
  }
}

function covers ({ kind, value, transport }: NaiveRule, { peer, address }: GateTarget): boolean {
  if (kind === 'peer') return peer === value
  if (address === undefined || (transport !== undefined && transport !== address.transport)) return false
  switch (kind) {
    case 'range':
    case 'at': return contains(parsePrefix(value), address)
    case 'relay': return address.relay === value
    case 'transport': return address.transport === value
    case 'relayed': return address.class === 'relayed'
    case 'name': return address.key === `dns:${value}`
    case 'below': return address.key.startsWith('dns:') && address.key.endsWith(`.${value}`)
  }
}

/** By looking at every rule */
export function naive (rules: readonly NaiveRule[], target: GateTarget): { decision: 'allow' | 'block' | 'unknown', ranges: number } {
  const covering = rules.filter(rule => (rule.direction === 'any' || rule.direction === target.direction) && covers(rule, target))
  const decision = covering.some(({ action }) => action === 'block') ? 'block' : covering.length > 0 ? 'allow' : 'unknown'
  const lengths = covering.filter(({ action, kind }) => action === decision && kind === 'range').map(({ value }) => parsePrefix(value).length)
  return { decision, ranges: Math.max(-1, ...lengths) }
}
