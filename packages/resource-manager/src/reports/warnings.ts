import { InvalidParametersError } from '@libp2p/interface'
import type { LimitWarning } from '@cordon/interface-resource-manager'

/** What warnings can be about: what is said anew about one of them takes the place of what was said before */
export type About = 'limits' | 'allowlist' | 'metrics'

/** What was accepted but cannot be meant, as long as it applies: no more than the user wrote, and one fault of each collaborator */
export class Warnings {
  readonly #strict: boolean
  readonly #tell: ((warning: LimitWarning) => void) | undefined
  readonly #said = new Map<About, readonly LimitWarning[]>()

  constructor (strict: boolean, tell: ((warning: LimitWarning) => void) | undefined) {
    this.#strict = strict
    this.#tell = tell
  }

  get all (): readonly LimitWarning[] {
    return [...this.#said.values()].flat()
  }

  /** @throws {InvalidParametersError} with the first of them where that is asked for; nothing has changed then */
  replace (about: About, warnings: readonly LimitWarning[]): void {
    const [first] = warnings
    if (this.#strict && first !== undefined) throw new InvalidParametersError(first.message)
    this.#said.set(about, warnings)
    for (const warning of warnings) this.#say(warning)
  }

  /** Something of the user's went wrong while the manager works */
  add (about: About, warning: LimitWarning): void {
    this.#said.set(about, [...this.#said.get(about) ?? [], warning])
    this.#say(warning)
  }

  /** Foreign code: whatever it does, admission goes on */
  #say (warning: LimitWarning): void {
    try {
      const answer: unknown = this.#tell?.(warning)
      Promise.resolve(answer).catch(() => {})
    } catch {
      // it was to be told, and that is all
    }
  }
}
