// Packs every published package and looks at the tarballs as publint and are-the-types-wrong do.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packAll } from './lib/pack.ts'
import { report } from './lib/report.ts'
import { runNode } from './lib/run.ts'
import type { Tarball } from './lib/pack.ts'

const folder = mkdtempSync(join(tmpdir(), 'cordon-packed-'))

async function judge ({ name, path }: Tarball): Promise<string[]> {
  const [lint, types] = await Promise.all([
    runNode(['node_modules/publint/src/cli.js', '--strict', path]),
    runNode(['node_modules/@arethetypeswrong/cli/dist/index.js', '--profile', 'esm-only', '--no-emoji', '--no-color', path])
  ])
  return [
    ...(lint.code === 0 ? [] : [`${name}: publint\n${lint.output}`]),
    ...(types.code === 0 ? [] : [`${name}: are-the-types-wrong\n${types.output}`])
  ]
}

try {
  const tarballs = await packAll(folder)
  const problems: string[] = []
  for (const tarball of tarballs) problems.push(...await judge(tarball))
  report(problems, `${tarballs.length} tarballs`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
