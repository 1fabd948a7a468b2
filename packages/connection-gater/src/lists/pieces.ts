/** Small enough to be worked through in a fraction of a slice, in characters */
export const PIECE = 16_384

/** The text of a list, in pieces of bounded length that may end anywhere. Rejects with the reason of the signal, also while the content says nothing. */
export async function * pieces (content: string | AsyncIterable<string | Uint8Array>, signal?: AbortSignal): AsyncGenerator<string> {
  if (typeof content === 'string') {
    yield * cut(content)
    return
  }
  const decoder = new TextDecoder()
  for await (const chunk of signal === undefined ? content : until(content, signal)) yield * cut(typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true }))
  const left = decoder.decode()
  if (left !== '') yield * cut(left)
}

/** What comes until a signal aborts; whoever sends nothing more is not waited for */
async function * until<T> (content: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const aborted = Promise.withResolvers<never>()
  aborted.promise.catch(() => { /* it may abort while nobody waits */ })
  const abort = (): void => { aborted.reject(signal.reason) }
  signal.addEventListener('abort', abort)
  const iterator = content[Symbol.asyncIterator]()
  let isOver = false
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted.promise])
      if (next.done === true) {
        isOver = true
        return
      }
      yield next.value
    }
  } finally {
    signal.removeEventListener('abort', abort)
    if (!isOver) void Promise.resolve(iterator.return?.()).catch(() => { /* nobody waits for it to end */ })
  }
}

function * cut (text: string): Generator<string> {
  // an empty piece is one as well, so that whoever reads them has a chance to rest
  let at = 0
  do yield text.slice(at, at + PIECE)
  while ((at += PIECE) < text.length)
}
