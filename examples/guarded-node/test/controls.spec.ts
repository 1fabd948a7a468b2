import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { Controls } from '../src/controls.ts'
import type { Answer } from '../src/door.ts'

describe('the controls', () => {
  let asked: string[]
  let said: string[]
  let stopped: number
  let choices: string[]

  const answer = async (verb: string, who: string): Promise<Answer> => {
    asked.push(`${verb} ${who}`)
    return { ok: true, text: `${verb}ed` }
  }

  function controls (keys: boolean, first?: string): Controls {
    return new Controls({
      door: { block: async who => answer('block', who), unblock: async who => answer('unblock', who) },
      keys,
      choices: () => choices,
      first,
      say: ({ text }) => { said.push(text) },
      changed: () => {},
      stop: () => { stopped++ }
    })
  }

  beforeEach(() => {
    asked = []
    said = []
    stopped = 0
    choices = ['a', 'b', 'c']
  })

  it('shut out with b and let in with u whoever is selected', async () => {
    const keys = controls(true, 'b')
    await keys.key({ name: 'b', sequence: 'b' })
    await keys.key({ name: 'u', sequence: 'u' })
    expect(asked).toEqual(['block b', 'unblock b'])
    expect(said).toEqual(['blocked', 'unblocked'])
  })

  it.each<[string[], string | undefined, string]>([
    [[], undefined, 'a'],
    [['down'], 'a', 'b'],
    [['down', 'down', 'down'], 'a', 'a'],
    [['up'], 'a', 'c'],
    [['up'], 'somebody who has gone', 'a'],
    [['down'], undefined, 'b']
  ])('select with %j from %j', async (moves, first, selected) => {
    const keys = controls(true, first)
    for (const name of moves) await keys.key({ name, sequence: '' })
    expect(keys.prompt).toEqual({ selected, text: `b blocks, u unblocks ${selected}; ↑ ↓ choose another` })
  })

  it('have nobody to select where nobody has come', async () => {
    choices = []
    const keys = controls(true)
    for (const name of ['up', 'down', 'b', 'u']) await keys.key({ name, sequence: name })
    expect(keys.prompt).toEqual({ text: 'nobody is here yet who could be shut out' })
    expect(said).toEqual(['nobody is here yet who could be shut out', 'nobody is here yet who could be shut out'])
    expect(asked).toEqual([])
  })

  it.each(['\x03', '\x04'])('stop the node with %j, which a terminal that is read by keys does not act on', async sequence => {
    await controls(true).key({ name: 'c', sequence })
    expect(stopped).toBe(1)
  })

  it('say what keys there are when another one is pressed', async () => {
    await controls(true, 'a').key({ name: 'x', sequence: 'x' })
    expect(said).toEqual(['x does nothing: b blocks, u unblocks, ↑ and ↓ choose whom'])
  })

  it.each([
    ['block a', ['block a'], ['blocked']],
    ['  unblock \t a honest \r', ['unblock a honest'], ['unblocked']],
    ['block', ['block '], ['blocked']],
    ['', [], []],
    ['   ', [], []],
    ['help', [], ['commands: block <visitor>, unblock <visitor>; a visitor by its name, an address, a range or a peer']],
    ['ban a', [], ['there is no command "ban": block <visitor>, unblock <visitor>, help']],
    ['\x1b[2J', [], ['there is no command "?[2J": block <visitor>, unblock <visitor>, help']]
  ])('read the line %j', async (line, wanted, answers) => {
    await controls(false).line(line)
    expect(asked).toEqual(wanted)
    expect(said).toEqual(answers)
  })

  it('say that they read lines where they do', () => {
    expect(controls(false).prompt).toEqual({ text: 'block <visitor>, unblock <visitor> are read from the standard input' })
  })

  it('fail at nothing that is typed', async () => {
    await fc.assert(fc.asyncProperty(fc.string({ unit: 'binary' }), fc.option(fc.string(), { nil: undefined }), async (text, name) => {
      await controls(false).line(text)
      await controls(true, 'a').key({ ...(name == null ? {} : { name }), sequence: text })
      for (const each of said) expect(each).toMatch(/^[\x20-\x7e↑↓]*$/)
    }))
  })
})
