import { ListError, ListLoadError, TooManyRulesError } from '@cordon/interface-connection-gater'
import { flag, lazy, object, oneOf, optional, parseOptions, rule, show, text } from '@cordon/options'
import { MAX_REASON } from '../constants.ts'
import { Layer } from '../rules/layer.ts'
import { Slices } from '../slices.ts'
import { readElement, readHosts, readLine } from './entries.ts'
import { ElementSplitter, LineSplitter } from './lines.ts'
import { pieces } from './pieces.ts'
import { addPlain } from './plain.ts'
import { TextReader } from './text-reader.ts'
import type { Expected } from '../rules/subjects.ts'
import type { Details } from '../tables/entries.ts'
import type { Listed } from './entries.ts'
import type { Entry } from './lines.ts'
import type { ListFormat, ListReport, ListSource, RuleAction, RuleDirection } from '@cordon/interface-connection-gater'
import type { Clock } from '@cordon/interface-connection-lifecycle'
import type { Schema } from '@cordon/options'

/** How many errors are kept; all are counted */
const MAX_ERRORS = 100

/** After so many entries the time is looked at */
const STEP = 32

/** How many entries are looked at in one go when tables that have grown are put in order: well below a millisecond */
const SETTLE = 1_024

/** How much of a text is looked at to guess how many rules there are, in characters */
const SAMPLE = 16_384

/** A line that says nothing */
const COMMENT = /^\s*(?:[#;]|$)/

export interface LoaderInit {
  readonly clock: Clock
  /** In ms since the epoch */
  readonly wall: () => number
  readonly seed: number
  readonly maxRules: number
}

/** The rules of a list, in a layer of their own, and what became of the others */
export interface Loaded {
  readonly layer: Layer
  readonly report: ListReport
}

interface Splitter {
  feed (piece: string): Iterable<Entry>
  end (): Iterable<Entry>
}

/**
 * Reads a list into a layer of its own, so that whatever was in force stays so until the whole of it has been read.
 *
 * @throws {ListLoadError} when it cannot be read, or none of its entries is a rule
 */
export async function loadList (name: string, source: ListSource, init: LoaderInit): Promise<Loaded> {
  const parsed = parseSource(name, source)
  const { content, format = 'text', signal } = parsed
  const filler = new Filler(name, parsed, init)
  const splitter: Splitter = format === 'json' ? new ElementSplitter() : format === 'hosts' ? new LineSplitter() : new TextReader(filler.take)
  const slices = new Slices(init.clock)
  try {
    signal?.throwIfAborted()
    for await (const piece of pieces(content, signal)) {
      let read = 0
      for (const entry of splitter.feed(piece)) {
        filler.add(entry)
        if (++read % STEP === 0 && slices.over) {
          await slices.rest()
          signal?.throwIfAborted()
        }
      }
      if (slices.over) await slices.rest()
      signal?.throwIfAborted()
    }
    for (const entry of splitter.end()) filler.add(entry)
    while (!filler.settle()) if (slices.over) await slices.rest()
  } catch (err) {
    throw new ListLoadError(name, err instanceof Error ? err.message : 'it could not be read', { cause: err })
  }
  return filler.finish()
}

/** How a list is read, wherever it comes from */
export const reading = (): { readonly [Key in keyof Omit<ListSource, 'content' | 'signal'>]-?: Schema<ListSource[Key]> } => ({
  format: optional(oneOf(['text', 'json', 'hosts'])),
  action: optional(oneOf(['allow', 'block'])),
  direction: optional(oneOf(['any', 'inbound', 'outbound'])),
  trusted: optional(flag()),
  reason: optional(text({ min: 0, max: MAX_REASON }))
})

const schema: Schema<ListSource> = lazy(() => object({
  content: rule<ListSource['content']>('a text or an async iterable of its pieces', content => typeof content === 'string' || (typeof content === 'object' && content !== null && Symbol.asyncIterator in content)),
  ...reading(),
  signal: optional(rule<AbortSignal>('an AbortSignal', signal => signal instanceof AbortSignal))
}))

/** A misspelt action must not turn a list into its opposite */
function parseSource (name: string, source: ListSource): ListSource {
  try {
    return parseOptions(schema, 'source', source)
  } catch (err) {
    throw new ListLoadError(name, err instanceof Error ? err.message : 'its options cannot be read', { cause: err })
  }
}

/** Puts entries into a layer */
class Filler {
  readonly #name: string
  readonly #init: LoaderInit
  readonly #layer: Layer
  readonly #action: RuleAction
  readonly #direction: RuleDirection
  readonly #read: (text: string) => Listed[]
  readonly #trusted: boolean
  readonly #errors: ListError[] = []
  #invalid = 0

  constructor (name: string, { content, format = 'text', action = 'block', direction = 'any', trusted = false, reason }: ListSource, init: LoaderInit) {
    this.#name = name
    this.#init = init
    this.#layer = new Layer(init.seed, expectedIn(content, format), reason ?? name)
    const read = format === 'json' ? readElement : format === 'hosts' ? readHosts : readLine
    this.#action = action
    this.#direction = direction
    this.#trusted = trusted
    this.#read = text => read(text, { action, direction })
  }

  /** Takes a line as bytes, where it is plain */
  readonly take = (bytes: Uint8Array, start: number, end: number): boolean => {
    const isTaken = addPlain(this.#layer, bytes, start, end, this.#action, this.#direction)
    if (isTaken) this.#checkRoom()
    return isTaken
  }

  add ({ line, value }: Entry): void {
    if (value === undefined) {
      this.#fail(line, '', 'it is too long')
      return
    }
    let rules: Listed[]
    try {
      rules = this.#read(value)
    } catch (err) {
      this.#fail(line, value, err instanceof Error ? err.message : 'it cannot be read', err)
      return
    }
    for (const rule of rules) this.#put(rule, line, value)
  }

  /** Does some of what is left to do when all is read; returns whether that was all */
  settle (): boolean {
    return this.#layer.settle(SETTLE)
  }

  finish (): Loaded {
    const { size: rules, bytes } = this.#layer
    const [first] = this.#errors
    if (rules === 0 && first !== undefined) throw new ListLoadError(this.#name, `none of its ${this.#invalid} entries is a rule: ${first.message}`, { cause: first })
    return { layer: this.#layer, report: { name: this.#name, rules, invalid: this.#invalid, errors: this.#errors, bytes } }
  }

  #put ({ subject, action, direction, ...more }: Listed, line: number, value: string): void {
    if (!this.#trusted && (action !== this.#action || more.lifts !== undefined)) {
      this.#fail(line, value, more.lifts === undefined ? `it is about whom to ${action}, in a list of whom to ${this.#action} that is not trusted` : 'it lifts limits, in a list that is not trusted')
      return
    }
    const { clock, wall } = this.#init
    const left = more.expires === undefined ? Infinity : more.expires - wall()
    if (left <= 0) return
    const details: Details | undefined = (Object.values(more) as unknown[]).every(value => value === undefined) ? undefined : more
    try {
      this.#layer.add(subject, action, direction, details, left === Infinity ? Infinity : clock.now() + left)
    } catch (err) {
      // of patterns there is a bound of its own
      this.#fail(line, value, err instanceof Error ? err.message : 'it has no room', err)
    }
    this.#checkRoom()
  }

  /** @throws {TooManyRulesError} when there is no room: half a list is none */
  #checkRoom (): void {
    const { maxRules } = this.#init
    if (this.#layer.size > maxRules) throw new TooManyRulesError('rules in one list', maxRules)
  }

  #fail (line: number, value: string, reason: string, cause?: unknown): void {
    this.#invalid++
    if (this.#errors.length < MAX_ERRORS) this.#errors.push(new ListError(this.#name, line, show(value), reason, { cause }))
  }
}

/** How many rules of each kind there will be, from the beginning of the text: tables that have to grow take longer */
function expectedIn (content: ListSource['content'], format: ListFormat): Expected {
  if (typeof content !== 'string' || format !== 'text') return {}
  const sample = content.slice(0, SAMPLE).split('\n').filter(line => !COMMENT.test(line))
  const each = content.length / Math.max(1, Math.min(content.length, SAMPLE))
  const ipv6 = sample.filter(line => line.includes(':')).length
  const ipv4 = sample.filter(line => line.includes('.') && !line.includes(':')).length
  return { ipv4: Math.ceil(ipv4 * each), ipv6: Math.ceil(ipv6 * each), names: Math.ceil((sample.length - ipv4 - ipv6) * each) }
}
