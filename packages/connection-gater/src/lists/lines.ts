import { MAX_JSON } from '../constants.ts'

/** Where an entry of a list was, and what it says; `value` is absent where it was too long to be kept */
export interface Entry {
  readonly line: number
  readonly value: string | undefined
}

/** A line longer than this is no entry, and is not kept */
const MAX_LINE = 4_096

/** Splits text that comes in pieces into lines; keeps no more than one line */
export class LineSplitter {
  #rest = ''
  #skipping = false
  #line = 0

  /** Whether a line has begun, and not ended */
  get isWithin (): boolean {
    return this.#rest !== '' || this.#skipping
  }

  /** A line was read by somebody else */
  skip (): void {
    this.#line++
  }

  #finish (value: string): Entry {
    const tooLong = this.#skipping || value.length > MAX_LINE
    this.#skipping = false
    return { line: ++this.#line, value: tooLong ? undefined : value }
  }

  * feed (piece: string): Generator<Entry> {
    let start = 0
    for (let end = piece.indexOf('\n'); end !== -1; end = piece.indexOf('\n', start)) {
      yield this.#finish(this.#rest + piece.slice(start, end))
      this.#rest = ''
      start = end + 1
    }
    this.#rest += piece.slice(start)
    if (this.#rest.length > MAX_LINE) {
      this.#skipping = true
      this.#rest = ''
    }
  }

  * end (): Generator<Entry> {
    if (this.#rest !== '' || this.#skipping) yield this.#finish(this.#rest)
  }
}

const BRACES = new Set(['{', '['])
const ENDS = new Set(['}', ']'])

/**
 * Splits a JSON array that comes in pieces into its elements, which are then parsed one by one: `JSON.parse` of a whole
 * list of a million rules would stand still for most of a second. The array may be the value of `rules` in an object.
 */
export class ElementSplitter {
  #depth = 0
  /** At which depth the elements are; 0 until the array has begun */
  #inside = 0
  #line = 1
  #started = 1
  #text = ''
  #inText = false
  #escaped = false
  #ended = false
  #skipping = false

  /** @throws {SyntaxError} when the array has no end */
  end (): Entry[] {
    if (!this.#ended) throw new SyntaxError(this.#inside === 0 ? 'there is no array of rules' : 'the array of rules has no end')
    return []
  }

  /** @throws {SyntaxError} where there is no array */
  * feed (piece: string): Generator<Entry> {
    for (const char of piece) {
      if (char === '\n') this.#line++
      if (this.#ended) continue
      if (this.#inText) {
        this.#keep(char)
        if (this.#escaped) this.#escaped = false
        else if (char === '\\') this.#escaped = true
        else if (char === '"') this.#inText = false
      } else {
        yield * this.#outside(char)
      }
    }
  }

  * #outside (char: string): Generator<Entry> {
    if (char === '"') this.#inText = true
    if (BRACES.has(char)) this.#depth++
    if (this.#inside === 0) {
      this.#begin(char)
      return
    }
    if (ENDS.has(char) && this.#depth-- === this.#inside) {
      yield * this.#element()
      this.#ended = true
    } else if (char === ',' && this.#depth === this.#inside) {
      yield * this.#element()
    } else {
      this.#keep(char)
    }
  }

  /** The array is at the top, or the value of `rules` in the object at the top, of which nothing else is read */
  #begin (char: string): void {
    if (char === '[') {
      if (this.#depth === 2 && !/"rules"\s*:\s*$/.test(this.#text)) throw new SyntaxError('the first array is not that of rules')
      this.#inside = this.#depth
      this.#text = ''
    } else if (ENDS.has(char) || this.#depth > 1) {
      throw new SyntaxError('there is no array of rules')
    } else {
      this.#keep(char)
    }
  }

  #keep (char: string): void {
    if (this.#text === '') {
      if (char.trim() === '') return
      this.#started = this.#line
    }
    this.#text += char
    if (this.#text.length > MAX_JSON) {
      this.#skipping = true
      this.#text = ' '
    }
  }

  * #element (): Generator<Entry> {
    if (this.#text.trim() !== '' || this.#skipping) yield { line: this.#started, value: this.#skipping ? undefined : this.#text }
    this.#text = ''
    this.#skipping = false
  }
}
