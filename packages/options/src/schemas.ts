import * as v from 'valibot'
import { quote, show } from './show.ts'

/**
 * Describes one value: what is accepted, and what comes out. Any schema of valibot is one, but only those of this
 * package print hostile values safely.
 */
export type Schema<Output> = v.GenericSchema<unknown, Output>

/** The schemas of the options of an object, by name */
export type Entries = Record<string, v.GenericSchema>

/** What `optional` makes, without a default */
export type Optional<Output> = v.OptionalSchema<Schema<Output>, undefined>

/** The schemas of an object's options, where each of them is optional */
export type EntriesOf<Output extends object> = {
  readonly [Name in keyof Output]-?: undefined extends Output[Name]
    ? Optional<Exclude<Output[Name], undefined>>
    : v.OptionalSchema<Schema<Output[Name]>, () => Output[Name]>
}

/** The largest delay of `setTimeout`, in ms; anything above fires at once (HTML standard, Node.js documentation of timers) */
export const MAX_DELAY = 2 ** 31 - 1

/** What comes out of an object with these options */
export type ObjectOutput<Names extends Entries> = v.InferOutput<v.StrictObjectSchema<Names, undefined>>

/** What a schema refuses is thrown as `<path> must be <expects>, got <value>` */
export function rule<Output> (expects: string, accepts: (value: unknown) => boolean): Schema<Output> {
  return v.pipe(v.unknown(), v.rawTransform<unknown, Output>(({ dataset, addIssue, NEVER }) => {
    let accepted = false

    try {
      accepted = accepts(dataset.value)
    } catch {
      // a proxy or a getter; it is refused, and the message says what it is as far as that can be told
    }

    if (accepted) {
      return dataset.value as Output
    }

    addIssue({ expected: expects, received: show(dataset.value), message: `must be ${expects}, got ${show(dataset.value)}` })

    return NEVER
  }))
}

/** Bounds, both inclusive */
export interface Range {
  readonly min?: number
  readonly max?: number
}

export interface CountRange extends Range {
  /**
   * Accept `Infinity` as well, for "no bound"
   *
   * @default false
   */
  readonly unbounded?: boolean
}

/**
 * A whole number: at least `min`, by default 1, and at most `max`, by default the largest safe integer.
 */
export function count (range: CountRange = {}): Schema<number> {
  const { min = 1, max = Number.MAX_SAFE_INTEGER, unbounded = false } = range
  const upper = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`

  return rule(`a whole number ${upper}${unbounded ? ', or Infinity' : ''}`, value =>
    (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) || (unbounded && value === Infinity))
}

/**
 * A finite number, not necessarily whole: at least `min` and at most `max`.
 */
export function number (range: Range = {}): Schema<number> {
  const { min = -Number.MAX_VALUE, max = Number.MAX_VALUE } = range
  const lower = range.min == null ? '' : ` of at least ${min}`
  const upper = range.max == null ? '' : `${lower === '' ? ' of' : ' and'} at most ${max}`

  return rule(`a finite number${lower}${upper}`, value =>
    typeof value === 'number' && Number.isFinite(value) && value >= min && value <= max)
}

/**
 * Milliseconds: more than 0, or at least `min` where that is given, and at most `max`, by default what `setTimeout`
 * can wait for, which is about 24.8 days.
 */
export function duration (range: Range = {}): Schema<number> {
  const { min, max = MAX_DELAY } = range
  const lower = min == null ? 'more than 0' : `at least ${min}`

  return rule(`a number of milliseconds of ${lower} and at most ${max}`, value =>
    typeof value === 'number' && (min == null ? value > 0 : value >= min) && value <= max)
}

/** `true` or `false`, and nothing that is merely truthy */
export function flag (): Schema<boolean> {
  return rule('true or false', value => typeof value === 'boolean')
}

/** A text of at least `min` characters, by default 1, and at most `max`, by default 1,024 */
export function text (range: Range = {}): Schema<string> {
  const { min = 1, max = 1_024 } = range

  return rule(`a string of ${min} to ${max} characters`, value => typeof value === 'string' && value.length >= min && value.length <= max)
}

/** One of a closed list */
export function oneOf<const Choice extends string | number | boolean> (choices: readonly Choice[]): Schema<Choice> {
  return rule(`one of ${choices.map(choice => show(choice)).join(', ')}`, value => (choices as readonly unknown[]).includes(value))
}

/** A function. Its type is taken on trust, because nothing can be told from outside. */
export function func<Type extends (...args: never[]) => unknown> (): Schema<Type> {
  return rule('a function', value => typeof value === 'function')
}

/**
 * A collaborator, such as a clock: an object, of a class or not, on which all these methods can be called. They
 * may be inherited, and the object comes out as it is.
 */
export function methods<Type extends object> (...names: Array<keyof Type & string>): Schema<Type> {
  return rule(`an object with ${names.length === 1 ? 'the method' : 'the methods'} ${names.join(', ')}`, value =>
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    names.every(name => typeof (value as Record<string, unknown>)[name] === 'function'))
}

/** May be left out, or undefined; then the default is used, and without one nothing */
export function optional<Output> (schema: Schema<Output>): Optional<Output>
export function optional<Output> (schema: Schema<Output>, byDefault: NoInfer<Output>): v.OptionalSchema<Schema<Output>, () => Output>
export function optional<Output> (schema: Schema<Output>, byDefault?: Output): v.OptionalSchema<Schema<Output>, undefined | (() => Output)> {
  // valibot would call a default that is a function
  return v.optional(schema, byDefault === undefined ? undefined : () => byDefault)
}

/** A list of at most `max` values; it comes out as a copy */
export function list<Output> (item: Schema<Output>, range: { readonly min?: number, readonly max: number }): Schema<Output[]> {
  const { min = 0, max } = range
  const fits = rule<unknown[]>(`an array of ${min} to ${max} items`, value => Array.isArray(value) && value.length >= min && value.length <= max)
  const copy = v.rawTransform<unknown[], unknown[]>(({ dataset, addIssue, NEVER }) => {
    try {
      return Array.from(dataset.value)
    } catch {
      addIssue({ expected: 'an array', received: '', message: 'must be an array that can be read' })
      return NEVER
    }
  })

  return v.pipe(fits, copy, v.array(item))
}

/**
 * An object of options, and no other key. Only a plain object passes, only its own properties are read, each of
 * them once, and a new object comes out.
 */
export function object<const Names extends Entries> (entries: Names): Schema<ObjectOutput<Names>> {
  const known = Object.keys(entries).length === 0 ? 'no options' : Object.keys(entries).join(', ')
  // valibot visits inherited keys as well, so there must be none even where somebody has extended Object.prototype
  const own = Object.assign(Object.create(null) as Names, entries)

  return v.pipe(
    rule<object>('an object of options', isPlainObject),
    v.rawTransform<object, Record<string, unknown>>(({ dataset, addIssue, NEVER }) => {
      const { values, broken } = copyOwn(dataset.value)

      if (broken !== undefined) {
        const issue = { expected: 'readable', received: '', message: 'must be readable, but reading it throws' }
        addIssue(broken.key === undefined ? issue : { ...issue, path: [{ type: 'unknown', origin: 'value', input: undefined, key: broken.key, value: undefined }] })
        return NEVER
      }

      const unknown = Reflect.ownKeys(values).find(key => typeof key === 'symbol' || !Object.hasOwn(entries, key))

      if (unknown !== undefined) {
        const name = typeof unknown === 'symbol' ? 'with a symbol for a name' : quote(unknown)
        addIssue({ expected: 'no such key', received: '', message: `has no option ${name} (got ${show(values[unknown])}), it has ${known}` })
        return NEVER
      }

      return values
    }),
    // what is left for its own message is a required option that is missing
    v.strictObject(own, 'is required')
  )
}

/** An object of options inside another one that may be left out; its own defaults apply then as well */
export function section<const Names extends Entries> (entries: Names): v.OptionalSchema<Schema<ObjectOutput<Names>>, () => object> {
  return v.optional(object(entries), () => ({}))
}

/**
 * An object whose keys the user chooses, such as limits by name: at most `max` of them. What comes out has no
 * prototype, so that `__proto__` is a key as any other.
 */
export function record<Output> (item: Schema<Output>, range: { readonly max: number, readonly key?: Schema<string> }): Schema<Record<string, Output>> {
  const { max, key: keys = text() } = range

  return v.pipe(
    rule<object>(`an object of at most ${max} entries`, value => isPlainObject(value) && Reflect.ownKeys(value as object).length <= max),
    v.rawTransform<object, Record<string, Output>>(({ dataset, addIssue, NEVER }) => {
      const { values, broken } = copyOwn(dataset.value)
      const refused = (key: unknown, message: string, inner: readonly v.IssuePathItem[] = []): typeof NEVER => {
        const path = { type: 'unknown', origin: 'value', input: undefined, key, value: undefined } as const
        addIssue({ expected: '', received: '', message, path: [path, ...inner] })
        return NEVER
      }

      if (broken !== undefined) {
        return refused(broken.key, 'must be readable, but reading it throws')
      }

      const output = Object.create(null) as Record<string, Output>

      for (const key of Reflect.ownKeys(values)) {
        const name = v.safeParse(keys, key)
        const parsed = v.safeParse(item, values[key])

        if (!name.success) {
          return refused(key, `is no name here: it ${name.issues[0].message}`)
        }

        if (!parsed.success) {
          const [issue] = parsed.issues
          return refused(key, issue.message, issue.path)
        }

        output[name.output] = parsed.output
      }

      return output
    })
  )
}

/** `false`, for something that can be switched off, or what else is accepted */
export function orFalse<Output> (schema: Schema<Output>): Schema<Output | false> {
  return v.lazy(value => value === false ? v.literal(false) : schema)
}

/**
 * A schema that is made when it is used, and that nobody keeps. Options are read once, schemas are many small functions,
 * and each full collection goes through what is alive (measured in benchmarks/overhead). Used again before the next
 * collection, it is the same one. What may be left out is `optional(lazy(…))`, not the other way round: objects look at
 * the outermost schema for that.
 */
export function lazy<Output> (make: () => Schema<Output>): Schema<Output> {
  let last: WeakRef<Schema<Output>> | undefined

  return v.lazy(() => {
    let schema = last?.deref()

    if (schema === undefined) {
      schema = make()
      last = new WeakRef(schema)
    }

    return schema
  })
}

/** Adds a rule about several options, run once each of them is fine by itself; it returns what is wrong, as in `minDelay must be ...` */
export function where<Output> (schema: Schema<Output>, wrong: (options: Output) => string | undefined): Schema<Output> {
  return v.pipe(schema, v.rawCheck<Output>(({ dataset, addIssue }) => {
    const message = dataset.typed ? wrong(dataset.value) : undefined

    if (message !== undefined) {
      addIssue({ expected: '', received: '', message: `is contradictory: ${message}` })
    }
  }))
}

/** Made by a literal, by `JSON.parse` or `Object.create(null)`, in whichever realm */
export function isPlainObject (value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return false
  }

  const prototype: unknown = Object.getPrototypeOf(value)

  return prototype === null || (Object.hasOwn(prototype as object, 'isPrototypeOf') && Object.getPrototypeOf(prototype) === null)
}

/** The own properties on an object without prototype, where `__proto__` is a key as any other */
function copyOwn (value: object): { values: Record<string | symbol, unknown>, broken?: { key?: string | symbol } } {
  const values = Object.create(null) as Record<string | symbol, unknown>
  const broken: { key?: string | symbol } = {}

  try {
    for (const key of Reflect.ownKeys(value)) {
      broken.key = key
      values[key] = (value as Record<string | symbol, unknown>)[key]
    }
  } catch {
    return { values, broken }
  }

  return { values }
}
