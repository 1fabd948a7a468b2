import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'

/** Writes files below a temporary folder that goes with the test, and returns the folder */
export function folderWith (contents: Readonly<Record<string, string>>): string {
  const top = mkdtempSync(join(tmpdir(), 'cordon-fixture-'))
  onTestFinished(() => { rmSync(top, { recursive: true, force: true }) })
  for (const [path, text] of Object.entries(contents)) {
    mkdirSync(dirname(join(top, path)), { recursive: true })
    writeFileSync(join(top, path), text)
  }
  return top
}

/** A package of a repository in a fixture: its sources, and the dependencies that it declares and refers to */
export interface FixturePackage {
  readonly sources: Readonly<Record<string, string>>
  readonly dependencies?: readonly string[]
  /** @default dependencies */
  readonly references?: readonly string[]
}

export function repositoryWith (packages: Readonly<Record<string, FixturePackage>>): string {
  return folderWith(Object.fromEntries(Object.entries(packages).flatMap(([folder, { sources, dependencies = [], references = dependencies }]): Array<[string, string]> => [
    [`packages/${folder}/package.json`, JSON.stringify({ name: `@cordon/${folder}`, dependencies: Object.fromEntries(dependencies.map(name => [`@cordon/${name}`, '0.0.0'])) })],
    [`packages/${folder}/tsconfig.json`, JSON.stringify({ references: references.map(name => ({ path: `../${name}` })) })],
    ...Object.entries(sources).map(([path, text]): [string, string] => [`packages/${folder}/src/${path}`, text])
  ])))
}
