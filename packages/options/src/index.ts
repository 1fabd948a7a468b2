/**
 * @packageDocumentation
 *
 * Validates the options of a module where the module is constructed, and says in the error which value at which
 * path is wrong and what would be right. Every module of Cordon uses it, so that a misspelt or misplaced option
 * never passes in silence. An application does not need it, nor does code that checks what peers send: that is
 * decoded by its own parser, which refuses without throwing.
 *
 * The schemas are valibot's. What is added is that hostile values are looked at with care: only plain objects
 * count as options, prototypes are neither read nor written, values are printed without running their code.
 *
 * @example The options of a module
 *
 * ```ts
 * import { count, duration, flag, lazy, object, optional, parseOptions, section } from '@cordon/options'
 *
 * const schema = lazy(() => object({
 *   maxHandshaking: optional(count(), 256),
 *   deadlines: section({
 *     encrypt: optional(duration(), 3_000),
 *     multiplex: optional(duration(), 2_000)
 *   }),
 *   announce: optional(flag(), false)
 * }))
 *
 * const options = parseOptions(schema, 'lifecycle', { maxHandshaking: 64 })
 *
 * console.info(options.maxHandshaking, options.deadlines.encrypt) // 64 3000
 *
 * parseOptions(schema, 'lifecycle', { deadlines: { encrypt: '10' } })
 * // InvalidParametersError: lifecycle.deadlines.encrypt must be a number of milliseconds of more than 0 and at most 2147483647, got "10"
 * ```
 */

export { parseOptions } from './parse.ts'
export { INSPECT, show } from './show.ts'
export { count, duration, flag, func, isPlainObject, lazy, list, MAX_DELAY, methods, number, object, oneOf, optional, orFalse, record, rule, section, text, where } from './schemas.ts'
export type { CountRange, Entries, EntriesOf, ObjectOutput, Optional, Range, Schema } from './schemas.ts'
export type { InferOutput } from 'valibot'
