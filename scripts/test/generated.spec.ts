import { describe, expect, it } from 'vitest'
import { errorsPage } from '../lib/errors.ts'
import { drawGraph, withGraph } from '../lib/graph-page.ts'
import { readGraph } from '../lib/graph.ts'
import { folderWith, repositoryWith } from './fixture.ts'

describe('the page of errors', () => {
  it('has each class with when it is thrown and what it carries', () => {
    const top = folderWith({
      'packages/thing/package.json': '{ "name": "@cordon/thing" }',
      'packages/thing/src/index.ts': '',
      'packages/thing/src/errors.ts': [
        '/** Thrown when a thing is full; see the text */',
        'export class FullError extends Error {',
        '  static override name = \'FullError\'',
        '  override name = \'FullError\'',
        '  /** In ms */',
        '  readonly retryAfter: number | undefined',
        '  #hidden = 1',
        '}',
        '/** Thrown when it is quite full */',
        'export class VeryFullError extends FullError {}'
      ].join('\n')
    })
    expect(errorsPage(top)).toContain([
      '## @cordon/thing', '', '### FullError', '', 'Thrown when a thing is full; see the text.', '',
      '| field | type | |', '|---|---|---|', '| `retryAfter` | `number \\| undefined` | In ms |', '', '### VeryFullError', '',
      'Thrown when it is quite full. Extends `FullError`.', ''
    ].join('\n'))
  })
})

describe('the drawing of the graph', () => {
  it('has a box for each kind and an arrow for each pair', () => {
    const top = repositoryWith({
      'interface-thing': { sources: { 'index.ts': '' } },
      thing: { sources: { 'index.ts': 'import \'@cordon/interface-thing\'', 'other.ts': 'import \'@cordon/interface-thing\'' } }
    })
    expect(drawGraph(readGraph(top)).split('\n')).toEqual([
      '```mermaid', 'flowchart TD', '  subgraph implementation [modules]', '    thing', '  end', '  subgraph interface [contracts]', '    interface-thing', '  end',
      '  thing --> interface-thing', '```'
    ])
  })

  it('goes between its marks, and nowhere else', () => {
    const page = 'a\n<!-- graph: made by `npm run generate` from the imports of the packages -->\nold\n<!-- /graph -->\nb\n'
    expect(withGraph(page, 'new')).toBe(page.replace('old', 'new'))
    expect(withGraph(withGraph(page, 'new') ?? '', 'new')).toBe(withGraph(page, 'new'))
    expect(withGraph('a\nb\n', 'new')).toBeUndefined()
  })
})
