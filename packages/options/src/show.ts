/** How many characters of a text, or of a key, are printed */
const MAX_TEXT = 64

/** What can follow a dot */
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/

/** A text in quotes, cut, with everything that would not show escaped */
export function quote (text: string): string {
  return text.length > MAX_TEXT ? `${JSON.stringify(text.slice(0, MAX_TEXT))}... (${text.length} characters)` : JSON.stringify(text)
}

/** The name of the class that a prototype belongs to, by data properties alone, so that no code of its author runs */
function className (prototype: unknown): string | undefined {
  if (typeof prototype !== 'object' || prototype === null) {
    return undefined
  }

  const constructor: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
  const name: unknown = typeof constructor === 'function' ? Object.getOwnPropertyDescriptor(constructor, 'name')?.value : undefined

  return typeof name === 'string' && name !== '' ? name.slice(0, MAX_TEXT) : undefined
}

function showObject (value: object): string {
  if (Array.isArray(value)) {
    return value.length === 0 ? '[]' : `an array of ${value.length}`
  }

  const prototype: unknown = Object.getPrototypeOf(value)
  const name = className(prototype)

  if (prototype !== null && name !== 'Object') {
    return name === undefined ? 'an object that inherits from another' : `an instance of ${name}`
  }

  return Reflect.ownKeys(value).length === 0 ? '{}' : 'an object'
}

/**
 * A value as it stands in an error: of bounded length, and without running the `toString` or a getter of the
 * value. (The traps of a proxy do run; what they throw is swallowed.)
 */
export function show (value: unknown): string {
  switch (typeof value) {
    case 'string':
      return quote(value)
    case 'number':
      return Object.is(value, -0) ? '-0' : `${value}`
    case 'bigint':
      return showBigint(value)
    case 'symbol':
      return 'a symbol'
    case 'function':
      return 'a function'
    case 'object':
      try {
        return value === null ? 'null' : showObject(value)
      } catch {
        return 'an object that cannot be read'
      }
    default:
      return `${value as boolean | undefined}`
  }
}

/** Node's `console.log` asks an object for this method, and prints what it returns in place of the object's fields */
export const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom')

/** Printing a bigint of a million digits takes seconds, so large ones are not printed */
function showBigint (value: bigint): string {
  return value === BigInt.asIntN(64, value) ? `${value}n` : 'a bigint of more than 64 bits'
}

/** `path` followed by a key, as one would write it in JavaScript */
export function join (path: string, key: unknown): string {
  if (typeof key === 'string') {
    return IDENTIFIER.test(key) && key.length <= MAX_TEXT ? `${path}.${key}` : `${path}[${quote(key)}]`
  }

  return `${path}[${show(key)}]`
}
