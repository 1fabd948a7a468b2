import { describe, expect, it } from 'vitest'
import { dialSignal, openingSignal } from '../src/outbound-websocket.ts'

describe('openingSignal', () => {
  it('tells of the abort of a dial, and says that it is not aborted', () => {
    const dial = new AbortController()
    const signal = openingSignal(dial.signal)
    const reasons: unknown[] = []
    signal.addEventListener('abort', () => { reasons.push(signal.reason) })
    const enough = new Error('enough')
    dial.abort(enough)

    expect(reasons).toEqual([enough])
    expect(signal.aborted).toBe(false)
    expect(() => { signal.throwIfAborted() }).toThrow(enough)
  })

  it('does not begin a dial that was aborted before', () => {
    const enough = new Error('enough')

    expect(() => openingSignal(AbortSignal.abort(enough))).toThrow(enough)
  })

  it('can be joined with others before, as any signal', () => {
    const dial = new AbortController()
    const signal = openingSignal(dial.signal)
    let aborted = false
    AbortSignal.any([signal, new AbortController().signal]).addEventListener('abort', () => { aborted = true })
    dial.abort()

    expect(aborted).toBe(true)
  })
})

describe('dialSignal', () => {
  it('is the one of the dial, and any other is itself', () => {
    const { signal } = new AbortController()

    expect(dialSignal(openingSignal(signal))).toBe(signal)
    expect(dialSignal(signal)).toBe(signal)
    expect(dialSignal(undefined)).toBeUndefined()
  })
})
