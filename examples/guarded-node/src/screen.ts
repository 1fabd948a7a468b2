import { styleText } from 'node:util'
import { plainLines, table } from './table.ts'
import type { Answer } from './door.ts'
import type { View } from './table.ts'
import type { WriteStream } from 'node:tty'

/** Where the example says what it has to say */
export interface Screen {
  /** How long a picture stands, in ms */
  readonly interval: number

  /** The node listens */
  listening (multiaddrs: readonly string[]): void

  show (view: View): void

  /** Answers a command, or says what happened without one */
  say (answer: Answer): void

  /** What `--once` found; no problem is good news */
  outcome (problems: readonly string[], good: string): void

  /** Leaves the terminal as it was found; the last picture stays. Idempotent. */
  close (): void
}

const ESC = '\x1b['

/** Goes below what was drawn last, and draws over it the next time */
class LiveScreen implements Screen {
  readonly interval = 250
  readonly #out: WriteStream
  #head = ''
  #height = 0
  #last: View | undefined
  #open = false

  constructor (out: WriteStream) {
    this.#out = out
    out.on('resize', this.#resized)
  }

  listening (multiaddrs: readonly string[]): void {
    this.#head = `\n ${this.#paint('bold', 'a guarded node')} on loopback; Ctrl-C stops it\n\n${multiaddrs.map(each => ` ${each}\n`).join('')}\n`
    this.#out.write(this.#head)
  }

  show (view: View): void {
    this.#last = view
    // a terminal that does not know its size says 0; and some wrap as soon as the last column is written
    const columns = this.#out.columns > 0 ? this.#out.columns : 80
    const rows = this.#out.rows > 0 ? this.#out.rows : 24
    const lines = table(view, { columns: columns - 1, lines: rows - 1 }, this.#paint).slice(0, rows - 1)
    const up = this.#height > 0 ? `${ESC}${this.#height}A` : ''
    const hide = this.#open ? '' : `${ESC}?25l`
    this.#open = true
    this.#height = lines.length
    this.#out.write(`${hide}${up}\r${lines.map(line => `${line}${ESC}K\n`).join('')}${ESC}J`)
  }

  // it is in the next picture
  say (): void {}

  outcome (problems: readonly string[], good: string): void {
    this.#out.write(`\n${this.#verdict(problems, good)}\n`)
    this.#height = 0
  }

  close (): void {
    this.#out.off('resize', this.#resized)
    // the line below may hold the ^C that the terminal shows
    if (this.#open) this.#out.write(`\r${ESC}K${ESC}?25h`)
    this.#open = false
  }

  #verdict (problems: readonly string[], good: string): string {
    if (problems.length === 0) return ` ${this.#paint('green', good)}\n`
    return problems.map(problem => ` ${this.#paint('red', problem)}\n`).join('')
  }

  // a property, because it is passed on
  readonly #paint = (look: Parameters<typeof styleText>[0], text: string): string => styleText(look, text, { stream: this.#out })

  /** What was drawn may have been wrapped in the meantime, so nothing is known of where it stands */
  readonly #resized = (): void => {
    this.#height = 0
    this.#out.write(`${ESC}2J${ESC}H${this.#head}`)
    if (this.#last != null) this.show(this.#last)
  }
}

/** For logs and pipes: a line for each second */
class PlainScreen implements Screen {
  readonly interval = 1_000
  readonly #out: NodeJS.WritableStream
  #before: ReadonlyMap<string, number> = new Map()

  constructor (out: NodeJS.WritableStream) {
    this.#out = out
  }

  listening (multiaddrs: readonly string[]): void {
    this.#out.write(multiaddrs.map(each => `listening on ${each}\n`).join(''))
  }

  show (view: View): void {
    this.#out.write(`${plainLines(view, this.#before).join('\n')}\n`)
    this.#before = new Map(view.verdicts.map(({ text, count }) => [text, count]))
  }

  say ({ text }: Answer): void {
    this.#out.write(`> ${text}\n`)
  }

  outcome (problems: readonly string[], good: string): void {
    this.#out.write(`${(problems.length === 0 ? [good] : problems).join('\n')}\n`)
  }

  close (): void {}
}

/** For programs: one object a line */
class JsonScreen implements Screen {
  readonly interval = 1_000
  readonly #out: NodeJS.WritableStream

  constructor (out: NodeJS.WritableStream) {
    this.#out = out
  }

  listening (multiaddrs: readonly string[]): void {
    this.#write({ type: 'listening', multiaddrs })
  }

  show ({ labels, ...view }: View): void {
    this.#write({ type: 'status', ...view, prompt: undefined, labels: Object.fromEntries(labels) })
  }

  say (answer: Answer): void {
    this.#write({ type: 'answer', ...answer })
  }

  outcome (problems: readonly string[]): void {
    this.#write({ type: 'outcome', ok: problems.length === 0, problems })
  }

  close (): void {}

  #write (message: object): void {
    this.#out.write(`${JSON.stringify(message)}\n`)
  }
}

export function createScreen (out: WriteStream, json: boolean): Screen {
  if (json) return new JsonScreen(out)
  return out.isTTY ? new LiveScreen(out) : new PlainScreen(out)
}
