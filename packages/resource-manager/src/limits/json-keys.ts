/** A character that is escaped, and what begins, ends or divides something. No part of it repeats, so nothing is tried twice. */
const MARKS = /\\.|["{}[\],]/g

/** An object that has not ended */
interface Level {
  /** Those so far */
  readonly keys: Set<string>
  /** The last of them */
  at: string
}

/**
 * Finds a key that an object has twice: `JSON.parse` keeps the last of them and says nothing. Takes time by the length
 * of the text, however deep that is.
 *
 * @param text - what `JSON.parse` has accepted
 * @param depth - so many objects are looked into from the outside; what is in more of them, or in a list, is not
 * @returns the path of the first; nothing where there is none
 */
export function findTwice (text: string, depth: number): readonly string[] | undefined {
  const levels: Level[] = []
  let beyond = 0
  let isKey = false
  for (const token of tokensOf(text)) {
    switch (token) {
      case '{':
      case '[':
        if (beyond > 0 || token === '[' || levels.length === depth) beyond++
        else levels.push({ keys: new Set(), at: '' })
        isKey = beyond === 0
        break
      case '}':
      case ']':
        if (beyond > 0) beyond--
        else levels.pop()
        isKey = false
        break
      case ',':
        isKey = beyond === 0
        break
      default: {
        const level = levels.at(-1)
        if (!isKey || level === undefined) break
        isKey = false
        level.at = JSON.parse(token) as string
        if (level.keys.has(level.at)) return levels.map(({ at }) => at)
        level.keys.add(level.at)
      }
    }
  }
  return undefined
}

/** Whole strings, and the marks between them */
function * tokensOf (text: string): Generator<string> {
  let start = -1
  for (const { 0: mark, index } of text.matchAll(MARKS)) {
    if (mark !== '"') {
      if (start === -1) yield mark
    } else if (start === -1) {
      start = index
    } else {
      yield text.slice(start, index + 1)
      start = -1
    }
  }
}
