import { isRefusal } from '@cordon/interface-connection-lifecycle'
import type { Rule } from './rule.ts'
import type { SubjectKind } from './subject.ts'
import type { Refusal } from '@cordon/interface-connection-lifecycle'

/** What the rules say of somebody. Block beats allow; the order of rules never matters. */
export interface Verdict {
  readonly decision: 'allow' | 'block' | 'unknown'

  /** The most specific of the rules that decided; absent where none covers the target. Made when it is read, so read it at once: rules that come and go later may be in its place */
  readonly rule: Rule | undefined

  /** A predicate threw, or answered with something else than true or false: that blocks */
  readonly faulty: boolean
}

/** What refused: the kind of the rule's subject; `default`, because no rule allows it; `unproven`, because it came through a relay that hides its address; or `malformed`, because what is to be dialled is no name, and would be read as another one further down */
export type GateCause = SubjectKind | 'default' | 'unproven' | 'malformed'

/** Why somebody was not let in. `code` is `blocked`. */
export interface GateRefusal extends Refusal {
  readonly cause: GateCause

  /** The rule that refused; absent for the last three causes */
  readonly rule: Rule | undefined
}

/** Tells what a gater refused from anything else */
export function isGateRefusal (value: unknown): value is GateRefusal {
  return isRefusal(value) && 'cause' in value && value.code === 'blocked'
}
