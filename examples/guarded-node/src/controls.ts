import { printable } from './words.ts'
import type { Answer, Door } from './door.ts'
import type { Key } from './input.ts'

/** What is said about keys, or commands, and whom they mean now */
export interface Prompt {
  /** Whom a key would shut out or let in; absent where there are no keys */
  readonly selected?: string
  readonly text: string
}

export interface ControlsInit {
  readonly door: Pick<Door, 'block' | 'unblock'>
  /** Whether keys are read; otherwise it is lines */
  readonly keys: boolean
  /** Who can be selected by keys, in the order of the screen */
  readonly choices: () => readonly string[]
  /** Who is selected at first */
  readonly first?: string | undefined
  readonly say: (answer: Answer) => void
  /** The selection is another one */
  readonly changed: () => void
  readonly stop: () => void
}

const COMMANDS = 'block <visitor>, unblock <visitor>'

/** What a terminal sends for Ctrl-C and Ctrl-D where it does not act on them itself */
const STOPS: ReadonlySet<string> = new Set(['\x03', '\x04'])

/** Turns keys and lines into what they ask for; nothing that is typed makes it throw */
export class Controls {
  readonly #init: ControlsInit
  #selected: string | undefined

  constructor (init: ControlsInit) {
    this.#init = init
    this.#selected = init.first
  }

  get prompt (): Prompt {
    if (!this.#init.keys) return { text: `${COMMANDS} are read from the standard input` }
    const { selected } = this
    return selected == null
      ? { text: 'nobody is here yet who could be shut out' }
      : { selected, text: `b blocks, u unblocks ${selected}; ↑ ↓ choose another` }
  }

  /** Who is meant by keys: whoever was chosen, or the first there is */
  get selected (): string | undefined {
    return this.#selected ?? this.#init.choices()[0]
  }

  /** Resolves once what the key asks for is done; never rejects */
  async key ({ name, sequence }: Key): Promise<void> {
    const { door, say, stop } = this.#init
    if (STOPS.has(sequence)) {
      stop()
    } else if (name === 'up' || name === 'down') {
      this.#move(name === 'up' ? -1 : 1)
    } else if (name === 'b' || name === 'u') {
      const { selected } = this
      if (selected == null) say({ ok: false, text: 'nobody is here yet who could be shut out' })
      else say(await (name === 'b' ? door.block(selected) : door.unblock(selected)))
    } else if (/^[!-~]$/.test(sequence)) {
      say({ ok: false, text: `${sequence} does nothing: b blocks, u unblocks, ↑ and ↓ choose whom` })
    }
  }

  /** Resolves once what the line asks for is done; never rejects */
  async line (line: string): Promise<void> {
    const { door, say } = this.#init
    const [, command = '', who = ''] = /^\s*(\S*)\s*(.*?)\s*$/s.exec(line) ?? []
    if (command === '') return
    if (command === 'block') say(await door.block(who))
    else if (command === 'unblock') say(await door.unblock(who))
    else if (command === 'help') say({ ok: true, text: `commands: ${COMMANDS}; a visitor by its name, an address, a range or a peer` })
    else say({ ok: false, text: `there is no command ${JSON.stringify(printable(command))}: ${COMMANDS}, help` })
  }

  /** The line that was typed is too long to be a command */
  tooLong (max: number): void {
    this.#init.say({ ok: false, text: `a command has at most ${max} characters` })
  }

  #move (by: number): void {
    const choices = this.#init.choices()
    if (choices.length === 0) return
    const { selected } = this
    const at = selected == null ? -1 : choices.indexOf(selected)
    this.#selected = choices[at === -1 ? 0 : (at + by + choices.length) % choices.length]
    this.#init.changed()
  }
}
