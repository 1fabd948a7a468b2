/** Small enough to be worked through in a fraction of a slice, in characters */
export const PIECE = 16_384

/** The text of a list, in pieces of bounded length that may end anywhere */
export async function * pieces (content: string | AsyncIterable<string | Uint8Array>): AsyncGenerator<string> {
  if (typeof content === 'string') {
    yield * cut(content)
    return
  }
  const decoder = new TextDecoder()
  for await (const chunk of content) yield * cut(typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true }))
  yield * cut(decoder.decode())
}

function * cut (text: string): Generator<string> {
  for (let at = 0; at < text.length; at += PIECE) yield text.slice(at, at + PIECE)
}
