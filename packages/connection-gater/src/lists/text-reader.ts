import { LineSplitter } from './lines.ts'
import { PIECE } from './pieces.ts'
import type { Entry } from './lines.ts'

const NEWLINE = 0x0a
const RETURN = 0x0d

/** What a character takes at most */
const MAX_BYTES = 3

/**
 * Splits a text of lines that comes in pieces, and lets plain ones be taken on the way: they are read from bytes, where
 * they lie, because a million strings that live for a moment take longer than all that is done with them.
 */
export class TextReader {
  readonly #lines = new LineSplitter()
  readonly #encoder = new TextEncoder()
  readonly #bytes = new Uint8Array(PIECE * MAX_BYTES)
  readonly #take: (bytes: Uint8Array, start: number, end: number) => boolean

  /** @param take - takes a line of ASCII where it can, and says whether it did */
  constructor (take: (bytes: Uint8Array, start: number, end: number) => boolean) {
    this.#take = take
  }

  /** The lines that nobody took; `piece` is at most `PIECE` long */
  * feed (piece: string): Generator<Entry> {
    const { written } = this.#encoder.encodeInto(piece, this.#bytes)
    // otherwise bytes and characters are not at the same places
    if (written !== piece.length) {
      yield * this.#lines.feed(piece)
      return
    }
    let start = 0
    for (let end = this.#lineEnd(start, written); end !== -1; end = this.#lineEnd(start, written)) {
      if (this.#lines.isWithin || !this.#take(this.#bytes, start, this.#bytes[end - 1] === RETURN ? Math.max(start, end - 1) : end)) yield * this.#lines.feed(piece.slice(start, end + 1))
      else this.#lines.skip()
      start = end + 1
    }
    yield * this.#lines.feed(piece.slice(start))
  }

  * end (): Generator<Entry> {
    yield * this.#lines.end()
  }

  /** Where the line that begins there ends; -1 where it goes on in the next piece */
  #lineEnd (start: number, end: number): number {
    const bytes = this.#bytes
    for (let at = start; at < end; at++) if (bytes[at] === NEWLINE) return at
    return -1
  }
}
