import { InvalidParametersError } from '@libp2p/interface'
import { safeParse } from 'valibot'
import { join } from './show.ts'
import type { Schema } from './schemas.ts'

/**
 * Validates the options of a module and fills in the defaults.
 *
 * @param schema - of an `object`, as a rule made when it is used, with `lazy`
 * @param path - what the options are called in errors, such as `lifecycle`
 * @param value - what the user gave; `undefined` is the same as `{}`
 * @returns a new object; what the user changes afterwards has no effect
 * @throws {InvalidParametersError} with the path, what was expected and the value: `lifecycle.maxHandshaking must
 *   be a whole number of at least 1, got -1`
 */
export function parseOptions<Output> (schema: Schema<Output>, path: string, value: unknown): Output {
  const result = safeParse(schema, value === undefined ? {} : value, { abortEarly: true })

  if (result.success) {
    return result.output
  }

  const [issue] = result.issues
  const where = (issue.path ?? []).reduce((parent, item) => join(parent, item.key), path)

  throw new InvalidParametersError(`${where} ${issue.message}`)
}
