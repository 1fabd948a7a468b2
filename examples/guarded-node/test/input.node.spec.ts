import { PassThrough } from 'node:stream'
import { beforeEach, describe, expect, it } from 'vitest'
import { Controls } from '../src/controls.ts'
import { MAX_LINE, readKeys, readLines } from '../src/input.ts'
import type { KeyStream } from '../src/input.ts'

class Terminal extends PassThrough implements KeyStream {
  readonly modes: boolean[] = []

  setRawMode (raw: boolean): this {
    this.modes.push(raw)
    return this
  }
}

describe('what is typed', () => {
  let done: string[]
  let stopped: number
  let controls: Controls

  const note = async (text: string): Promise<{ ok: boolean, text: string }> => {
    await Promise.resolve()
    done.push(text)
    return { ok: true, text }
  }

  beforeEach(() => {
    done = []
    stopped = 0
    controls = new Controls({
      door: { block: async who => note(`block ${who}`), unblock: async who => note(`unblock ${who}`) },
      keys: true,
      choices: () => ['a', 'b'],
      say: ({ ok, text }) => { if (!ok) done.push(text) },
      changed: () => {},
      stop: () => { stopped++ }
    })
  })

  it('is taken key by key, also where several come at once, from a terminal that is given back afterwards', async () => {
    const terminal = new Terminal()
    const stop = readKeys(terminal, controls)
    expect(terminal.modes).toEqual([true])
    terminal.write('b\x1b[Bu')
    terminal.write('\x03')
    await expect.poll(() => stopped).toBe(1)
    expect(done).toEqual(['block a', 'unblock b'])
    stop()
    stop()
    expect(terminal.modes).toEqual([true, false])
    expect(terminal.destroyed).toBe(true)
  })

  it('does not matter any more where the terminal has gone', () => {
    const terminal = new Terminal()
    const stop = readKeys(terminal, controls)
    terminal.destroy(new Error('EIO'))
    stop()
    expect(terminal.modes).toEqual([true])
  })

  it('is taken line by line, wherever the pieces end, one after another', async () => {
    const pipe = new PassThrough()
    readLines(pipe, controls)
    for (const piece of ['blo', 'ck a\nunblock', ' a\r\n\nblo', 'ck b']) pipe.write(piece)
    pipe.end()
    await expect.poll(() => done).toEqual(['block a', 'unblock a', 'block b'])
  })

  it('is not kept where it is no line', async () => {
    const pipe = new PassThrough()
    readLines(pipe, controls)
    for (let i = 0; i < 10; i++) pipe.write('x'.repeat(MAX_LINE))
    pipe.end('\nblock a\n')
    await expect.poll(() => done).toEqual([`a command has at most ${MAX_LINE} characters`, 'block a'])
  })

  it('may fail, or be ended', async () => {
    const [broken, ended] = [new PassThrough(), new PassThrough()]
    readLines(broken, controls)
    const stop = readLines(ended, controls)
    broken.destroy(new Error('EIO'))
    stop()
    stop()
    await expect.poll(() => broken.closed && ended.closed).toBe(true)
    expect(done).toEqual([])
  })
})
