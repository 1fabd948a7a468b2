import { emitKeypressEvents } from 'node:readline'
import type { Controls } from './controls.ts'
import type { Readable } from 'node:stream'

/** A key as `node:readline` tells it */
export interface Key {
  /** What it is called, such as `up`; absent where it has no name */
  readonly name?: string
  /** What the terminal sent */
  readonly sequence: string
}

/** A terminal that can be read key by key */
export interface KeyStream extends Readable {
  setRawMode (raw: boolean): unknown
}

/** A longer line is no command, and is not kept */
export const MAX_LINE = 512

/**
 * Reads keys as they are pressed.
 *
 * @returns ends that, and leaves the terminal as it was found; idempotent
 */
export function readKeys (stream: KeyStream, controls: Controls): () => void {
  const pressed = (_text: string | undefined, key: Key): void => { void controls.key(key) }
  emitKeypressEvents(stream)
  stream.on('keypress', pressed)
  // a terminal that has gone away is told by SIGHUP
  stream.on('error', ignore)
  stream.setRawMode(true)
  stream.resume()
  return () => {
    if (stream.destroyed) return
    stream.off('keypress', pressed)
    stream.setRawMode(false)
    stream.destroy()
  }
}

/**
 * Reads commands, one a line and one after another: whoever sends many of them waits for each.
 *
 * @returns ends that; idempotent
 */
export function readLines (stream: Readable, controls: Controls): () => void {
  void obey(stream, controls)
  return () => { stream.destroy() }
}

async function obey (stream: Readable, controls: Controls): Promise<void> {
  stream.setEncoding('utf8')
  let rest: string | undefined = ''
  const line = async (text: string | undefined): Promise<void> => {
    if (text == null || text.length > MAX_LINE) controls.tooLong(MAX_LINE)
    else await controls.line(text)
  }
  try {
    for await (const piece of stream as AsyncIterable<string>) {
      const [first = '', ...others] = piece.split('\n')
      if (rest != null) rest += first
      for (const next of others) {
        await line(rest)
        rest = next
      }
      if (rest != null && rest.length > MAX_LINE) rest = undefined
    }
    await line(rest)
  } catch {
    // it was ended, or nobody can be asked any more: the node goes on without commands
  }
}

function ignore (): void {}
