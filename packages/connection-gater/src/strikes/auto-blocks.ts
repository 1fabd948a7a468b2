import { formatPrefix } from '@cordon/address'
import { parseText } from '../rules/subject.ts'
import { Heap } from '../tables/heap.ts'
import type { Parsed } from '../rules/subject.ts'
import type { Placed } from '../tables/heap.ts'

/** To what blocks of single places are drawn together: a /24 of IPv4 addresses, a /56 of IPv6 networks */
const WIDER = { 4: 24, 6: 56 } as const

interface Block extends Placed {
  readonly subject: Parsed
  readonly severity: number
  /** The wider range that it lies in, where it can be drawn together with others */
  readonly group: string | undefined
}

/** What is to be done about a new block */
export interface Changes {
  /** Whom to block: the subject, or the wider range */
  readonly add: Parsed
  /** What no longer is */
  readonly remove: readonly Parsed[]
  /** How many of these had to make room */
  readonly evicted: number
}

/** The blocks that strikes led to: so many and not more. The least severe make room, and neighbours are drawn together. */
export class AutoBlocks {
  readonly #max: number
  readonly #aggregateAt: number
  /** At most `max` */
  readonly #blocks = new Map<string, Block>()
  readonly #mildest = new Heap<Block>(({ severity }) => severity)
  /** By the wider range; never more than there are blocks */
  readonly #groups = new Map<string, Set<Block>>()

  constructor (max: number, aggregateAt: number) {
    this.#max = max
    this.#aggregateAt = aggregateAt
  }

  get size (): number {
    return this.#blocks.size
  }

  severityOf (text: string): number | undefined {
    return this.#blocks.get(text)?.severity
  }

  /** @param severity - blocks with less of it make room first; the new one has a place in any case, because it happens now */
  add (subject: Parsed, severity: number): Changes {
    const remove: Parsed[] = []
    this.remove(subject)
    const group = groupOf(subject)
    const neighbours = group === undefined ? undefined : this.#groups.get(group)
    if (group !== undefined && neighbours !== undefined && neighbours.size + 1 >= this.#aggregateAt) {
      const together = [...neighbours]
      for (const block of together) {
        this.#drop(block)
        remove.push(block.subject)
      }
      const worst = Math.max(severity, ...together.map(block => block.severity))
      const wider = this.add(parseText(group), worst)
      return { add: wider.add, remove: [...remove, ...wider.remove], evicted: wider.evicted }
    }
    const mildest = this.#blocks.size >= this.#max ? this.#mildest.first : undefined
    if (mildest !== undefined) {
      this.#drop(mildest)
      remove.push(mildest.subject)
    }
    this.#put({ subject, severity, group, place: -1 })
    return { add: subject, remove, evicted: mildest === undefined ? 0 : 1 }
  }

  /** It was taken back, or its time is over */
  remove (subject: Parsed): void {
    const block = this.#blocks.get(subject.text)
    if (block !== undefined) this.#drop(block)
  }

  #put (block: Block): void {
    this.#blocks.set(block.subject.text, block)
    this.#mildest.add(block)
    if (block.group === undefined) return
    const group = this.#groups.get(block.group)
    if (group === undefined) this.#groups.set(block.group, new Set([block]))
    else group.add(block)
  }

  #drop (block: Block): void {
    this.#blocks.delete(block.subject.text)
    this.#mildest.remove(block)
    if (block.group === undefined) return
    const group = this.#groups.get(block.group)
    group?.delete(block)
    if (group?.size === 0) this.#groups.delete(block.group)
  }
}

/** The wider range that a subject is drawn together to; nothing where it is as wide, or no range */
function groupOf (subject: Parsed): string | undefined {
  if (subject.type !== 'prefix') return undefined
  const { family, words, length } = subject.prefix
  const wider = WIDER[family]
  if (length <= wider) return undefined
  const masked = family === 4 ? [((words[0] ?? 0) & 0xffffff00) >>> 0] : [words[0] ?? 0, ((words[1] ?? 0) & 0xffffff00) >>> 0, 0, 0]
  return formatPrefix({ family, words: masked, length: wider })
}
