import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { files } from './workspace.ts'

/** One block of TypeScript in a text that people read */
export interface Example {
  /** From the top of the repository */
  readonly file: string
  /** The line of the first line of code, from 1 */
  readonly line: number
  readonly code: string
  /** It is marked to be run, not only compiled */
  readonly run: boolean
}

/** Texts whose blocks marked `ts` have to compile as they stand: guides, READMEs, and comments in the sources */
export function findExamples (top: string): Example[] {
  const prose = files(['*.md', 'docs/**/*.md', '{packages,examples,benchmarks}/*/README.md'], top)
  const sources = files('packages/*/src/**/*.ts', top)
  return [
    ...prose.flatMap(file => examplesOf(file, readFileSync(join(top, file), 'utf8'))),
    ...sources.flatMap(file => examplesOf(file, comments(readFileSync(join(top, file), 'utf8'))))
  ]
}

/** The blocks between ```` ```ts ```` and ```` ``` ````; an indented block loses its indentation */
export function examplesOf (file: string, text: string): Example[] {
  const found: Example[] = []
  const lines = text.split('\n')
  for (let index = 0; index < lines.length; index++) {
    const open = /^(\s*)```(?:ts|typescript)(?: (\S.*))?$/.exec(lines[index] ?? '')
    if (open == null) continue
    const [, indent = '', words = ''] = open
    const end = lines.findIndex((line, at) => at > index && line.trim() === '```')
    if (end === -1) throw new Error(`${file}:${index + 1}: this block has no end`)
    const code = lines.slice(index + 1, end).map(line => line.startsWith(indent) ? line.slice(indent.length) : line)
    found.push({ file, line: index + 2, code: code.join('\n'), run: words.split(' ').includes('run') })
    index = end
  }
  return found
}

/** Blanks everything but the text of documentation comments, so that the lines keep their numbers */
export function comments (source: string): string {
  let inside = false
  return source.split('\n').map(line => {
    const begins = /^\s*\/\*\*/.test(line)
    if (begins) inside = true
    if (!inside) return ''
    if (line.includes('*/')) inside = false
    return line.replace(/^\s*\/\*\* ?/, '').replace(/^\s*\* ?/, '').replace(/\s*\*\/.*$/, '')
  }).join('\n')
}

/** The name of the file that an example is compiled as */
export function exampleName ({ file, line }: Example): string {
  return `${file.replaceAll(/[^A-Za-z0-9]+/g, '-').replace(/^-|-(?:ts|md)$/g, '')}-${line}.ts`
}
