/**
 * @packageDocumentation
 *
 * Remembers something of objects that others made, for as long as these live. Cordon's modules note with it what they
 * hold for a connection or a stream.
 *
 * @example What nobody else sees
 *
 * ```ts run
 * import { Notes } from '@cordon/notes'
 *
 * const names = new Notes<object, string>()
 * const stream = {}
 * names.set(stream, 'the first')
 *
 * console.info(names.get(stream), Object.keys(stream)) // the first []
 * ```
 */

export { Notes } from './notes.ts'
