import { InvalidRuleError } from '@cordon/interface-connection-gater'
import { show } from '@cordon/options'
import { parseSubject, parseText } from '../rules/subject.ts'
import { checkAddress } from '../rules/target.ts'
import type { Parsed } from '../rules/subject.ts'
import type { Offender } from '@cordon/interface-connection-gater'

/** Who is struck, and whether strikes alone may block them */
export interface Struck {
  /** Under which the strikes are counted */
  readonly text: string
  /** Whom to block; absent where that would hit others, or nobody */
  readonly subject?: Parsed
  /** How much of the weight counts */
  readonly share: number
}

/**
 * The narrowest subject that is proven: the authenticated peer, or else the range that shares one allowance. Where others
 * share it, each of them is as likely to have done it, so nobody is blocked; nor is a relay for what comes through it.
 *
 * @throws {InvalidRuleError} when there is neither peer nor address, or one that is not normalised
 */
export function narrowest (offender: Offender): Struck {
  const { peer, address, sharers = 0 } = offender
  if (!Number.isSafeInteger(sharers) || sharers < 0) throw new InvalidRuleError(`sharers must be a whole number of at least 0, got ${show(sharers)}`, show(sharers))
  if (address !== undefined) checkAddress(address)
  if (peer !== undefined) {
    const subject = parseSubject({ peer })
    return { text: subject.text, subject, share: 1 }
  }
  if (address === undefined) throw new InvalidRuleError(`a strike needs { peer } or { address }, got {${Object.keys(offender).map(key => show(key)).join(', ')}}`, show(offender))
  const share = 1 / (1 + sharers)
  if (address.family === 0) return { text: address.key, share }
  const subject = parseText(address.share)
  return sharers > 0 ? { text: subject.text, share } : { text: subject.text, subject, share }
}
