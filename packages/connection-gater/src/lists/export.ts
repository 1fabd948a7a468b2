import type { Rule } from '@cordon/interface-connection-gater'

/** Rules as lists have them, a piece at a time; predicates cannot be written down */
export function * exportRules (rules: Iterable<Rule>, format: 'text' | 'json'): Generator<string> {
  let first = true
  if (format === 'json') yield '{"version":1,"rules":['
  for (const rule of rules) {
    if (rule.kind === 'predicate') continue
    yield format === 'text' ? lineOf(rule) : `${first ? '\n' : ',\n'}${elementOf(rule)}`
    first = false
  }
  if (format === 'json') yield '\n]}\n'
}

function lineOf ({ action, direction, subject, reason = '' }: Rule): string {
  const comment = reason.replace(/\s+/g, ' ').trim()
  return `${action} ${direction} ${subject}${comment === '' ? '' : ` # ${comment}`}\n`
}

function elementOf ({ subject, action, direction, expires, reason, note, lifts }: Rule): string {
  return JSON.stringify({ subject, action, direction, expires, reason, note, lifts })
}
