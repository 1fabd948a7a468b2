// Compiles every ```ts block of the READMEs, the guides and the documentation comments, with imports resolved and no
// error suppressed, and runs those that are marked ```ts run.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { exampleName, findExamples } from './lib/examples.ts'
import { report } from './lib/report.ts'
import { runNode } from './lib/run.ts'
import { root } from './lib/workspace.ts'
import type { Example } from './lib/examples.ts'

const FOLDER = join(root, '.doc-check')

/** An example ends by itself; what listens or waits longer than this, in ms, does not */
const RUN_LIMIT = 30_000

const examples = new Map(findExamples(root).map(example => [join(FOLDER, exampleName(example)), example]))

function write (): void {
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(FOLDER, { recursive: true })
  for (const [path, { code }] of examples) writeFileSync(path, `${code}\n`)
}

function compile (): string[] {
  const path = join(root, 'tsconfig.test.json')
  const { config } = ts.readConfigFile(path, file => ts.sys.readFile(file)) as { config: { compilerOptions: object } }
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [...examples.keys()] }, ts.sys, root)
  const program = ts.createProgram([...examples.keys()], { ...options, incremental: false, tsBuildInfoFile: undefined, noUnusedLocals: false, noUnusedParameters: false, moduleDetection: ts.ModuleDetectionKind.Force })
  return ts.getPreEmitDiagnostics(program).map(describe)
}

/** Where the reader finds the line, which is not where the compiler found it */
function describe ({ file, start, code, messageText }: ts.Diagnostic): string {
  const message = `TS${code}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
  if (file == null) return message
  const { line } = file.getLineAndCharacterOfPosition(start ?? 0)
  const example = examples.get(file.fileName)
  return example == null ? `${file.fileName}:${line + 1}: ${message}` : `${example.file}:${example.line + line}: ${message}`
}

async function runExample (path: string, { file, line }: Example): Promise<string[]> {
  const { code, output } = await runNode(['--unhandled-rejections=strict', '--conditions=@cordon/source', path], { timeout: RUN_LIMIT })
  return code === 0 ? [] : [`${file}:${line}: ended with exit code ${code}\n${output}`]
}

write()
const problems = compile()
const marked = [...examples].filter(([, { run }]) => run)
if (problems.length === 0) {
  for (const [path, example] of marked) problems.push(...await runExample(path, example))
  rmSync(FOLDER, { recursive: true, force: true })
}
report(problems, `${examples.size} examples compiled, ${marked.length} of them run`)
