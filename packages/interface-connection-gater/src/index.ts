/**
 * @packageDocumentation
 *
 * The contract of a connection gater: rules about who may connect, verdicts, refusals that are values, strikes, lists.
 * Whoever writes a gater of their own implements `ConnectionGater`; whoever sees a peer misbehave calls `strike`.
 * Applications rarely need this package; they get the implementation from `@cordon/connection-gater`.
 *
 * @example Find it among the services of a node, and block somebody
 *
 * ```ts
 * import { isConnectionGater } from '@cordon/interface-connection-gater'
 *
 * export async function shutOut (services: Record<string, unknown>, range: string): Promise<void> {
 *   await Object.values(services).find(isConnectionGater)?.block({ cidr: range }, { reason: 'spam', duration: 86_400_000 })
 * }
 * ```
 */

export { InvalidRuleError, ListError, ListLoadError, RuleStoreError, StoredRuleError, TooManyRulesError } from './errors.ts'
export { connectionGaterSymbol, isConnectionGater } from './gater.ts'
export { isGateRefusal } from './verdict.ts'
export type { ConnectionGater, GaterEvents, GaterStatus, RuleFilter } from './gater.ts'
export type { ListFormat, ListReport, ListSource } from './lists.ts'
export type { LiftedLimit, Rule, RuleAction, RuleDirection, RuleOptions, RuleOrigin } from './rule.ts'
export type { Offender, Strike } from './strike.ts'
export type { GatePredicate, GateTarget, Subject, SubjectKind } from './subject.ts'
export type { GateCause, GateRefusal, Verdict } from './verdict.ts'
