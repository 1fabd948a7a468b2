import { contains, formatPrefix, prefixOf } from '@cordon/address'
import { InvalidRuleError } from '@cordon/interface-connection-gater'
import { readSubject, readText } from './foreign-subject.ts'
import type { ForeignSubject } from './foreign-subject.ts'
import type { Offender } from '@cordon/interface-connection-gater'

const HALF_LIFE = 600_000
const MAX_STRUCK = 10_000

/** How many places of one /24 or /56 are blocked before all of it is */
const TOGETHER = 8

interface Score {
  readonly points: number
  readonly at: number
}

/** Who is struck, and whom a block would be about: nobody, where it would hit others */
export interface Struck {
  readonly text: string
  readonly subject?: ForeignSubject
  readonly share: number
}

/** The peer, if it has proven who it is, and otherwise the place; of which each has its share who is there */
export function struck ({ peer, address, sharers = 0 }: Offender): Struck {
  if (!(Number.isSafeInteger(sharers) && sharers >= 0)) throw new InvalidRuleError('others are counted', String(sharers))
  if (peer !== undefined) {
    const subject = readSubject({ peer })
    return { text: subject.text, subject, share: 1 }
  }
  if (address === undefined) throw new InvalidRuleError('somebody has to be struck', '')
  const share = 1 / (1 + sharers)
  if (address.family === 0) return { text: address.key, share }
  const subject = readText(address.share)
  return sharers > 0 ? { text: subject.text, share } : { text: subject.text, subject, share }
}

/** What strikes come to; the one that weighs least makes room */
export class Scores {
  readonly #scores = new Map<string, Score>()

  get size (): number {
    return this.#scores.size
  }

  add (text: string, points: number, now: number): number {
    const total = this.#now(text, now) + points
    if (!this.#scores.has(text) && this.#scores.size >= MAX_STRUCK) this.#scores.delete(this.#least(now))
    this.#scores.set(text, { points: total, at: now })
    return total
  }

  forget (text: string): void {
    this.#scores.delete(text)
  }

  #now (text: string, now: number): number {
    const { points, at } = this.#scores.get(text) ?? { points: 0, at: now }
    return points * 0.5 ** ((now - at) / HALF_LIFE)
  }

  #least (now: number): string {
    return [...this.#scores.keys()].reduce((least, text) => this.#now(text, now) < this.#now(least, now) ? text : least)
  }
}

/** The wider range that takes the place of this subject and those of the others that lie in it; nothing while they are few */
export function together (subject: ForeignSubject, others: readonly ForeignSubject[]): ForeignSubject | undefined {
  const { prefix } = subject
  const length = prefix?.family === 4 ? 24 : 56
  if (prefix === undefined || prefix.length <= length) return undefined
  const wider = prefixOf({ ...NOWHERE, family: prefix.family, words: prefix.words }, length)
  if (wider === undefined) return undefined
  const neighbours = others.filter(other => other.text !== subject.text && other.prefix !== undefined && other.prefix.length > length && contains(wider, other.prefix))
  return neighbours.length + 1 >= TOGETHER ? readText(formatPrefix(wider)) : undefined
}

/** What a prefix has of an address, besides its words */
const NOWHERE = { key: '', class: 'none', groups: [], share: '', transport: '' } as const
