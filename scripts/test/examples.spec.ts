import { describe, expect, it } from 'vitest'
import { comments, exampleName, examplesOf, findExamples } from '../lib/examples.ts'
import { folderWith } from './fixture.ts'

describe('examples in texts', () => {
  it('are the blocks marked ts, with the line on which the code begins', () => {
    expect(examplesOf('a.md', 'text\n```ts\none()\n```\n```js\nno()\n```\n```typescript run\ntwo()\n```\n')).toEqual([
      { file: 'a.md', line: 3, code: 'one()', run: false },
      { file: 'a.md', line: 9, code: 'two()', run: true }
    ])
  })

  it('lose the indentation of the list that they stand in', () => {
    expect(examplesOf('a.md', '- x\n  ```ts\n  if (a) {\n    b()\n  }\n  ```\n')[0]?.code).toBe('if (a) {\n  b()\n}')
  })

  it('must end', () => {
    expect(() => examplesOf('a.md', '```ts\none()\n')).toThrow('a.md:1: this block has no end')
  })

  it('are found in documentation comments, and not in code', () => {
    const source = 'const fence = "```ts"\n/**\n * Text\n *\n * ```ts\n * one()\n *   two()\n * ```\n */\nexport const x = 1 // ```ts\n'
    expect(examplesOf('a.ts', comments(source))).toEqual([{ file: 'a.ts', line: 6, code: 'one()\n  two()', run: false }])
  })

  it('are found in READMEs, guides and sources, and not in dependencies', () => {
    const text = '```ts\nx()\n```\n'
    const top = folderWith({
      'README.md': text,
      'docs/adr/one.md': text,
      'packages/a/README.md': text,
      'packages/a/src/index.ts': '/**\n * ```ts\n * x()\n * ```\n */\n',
      'packages/a/node_modules/b/README.md': text,
      'node_modules/b/README.md': text
    })
    expect(findExamples(top).map(({ file }) => file)).toEqual(['README.md', 'docs/adr/one.md', 'packages/a/README.md', 'packages/a/src/index.ts'])
  })

  it('have file names that tell where they come from', () => {
    expect(exampleName({ file: 'packages/a/src/index.ts', line: 7, code: '', run: false })).toBe('packages-a-src-index-7.ts')
  })
})
