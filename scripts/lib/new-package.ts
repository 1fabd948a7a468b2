import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { licenceText } from './manifests.ts'
import { files, packages, readJson } from './workspace.ts'
import type { Manifest } from './workspace.ts'

const SUFFIX = '.tmpl'
const SUITES = 'packages/interface-compliance-tests'

/** In brotlied bytes: what a package of the template weighs, with room to grow into */
const BUDGETS = { interface: '1 kB', implementation: '5 kB' } as const

/**
 * Makes the packages `interface-<name>` and `<name>` below `top`, and names them wherever packages are listed.
 *
 * @param name - in kebab case, such as `rate-limit`
 * @returns the paths that were written or changed, from the top
 */
export function newPackage (name: string, top: string): string[] {
  const folders = [`packages/interface-${name}`, `packages/${name}`]
  if (!/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(name)) throw new Error(`a name is in kebab case, such as rate-limit, not ${JSON.stringify(name)}`)
  if (name.startsWith('interface-')) throw new Error(`the name of the module, without "interface-": ${name.slice('interface-'.length)}`)
  const taken = folders.find(folder => existsSync(join(top, folder)))
  if (taken != null) throw new Error(`${taken} exists already`)
  const fill = filler(name, top)
  return [
    ...copy('interface', folders[0] ?? '', top, fill),
    ...copy('implementation', folders[1] ?? '', top, fill),
    ...copy('suite', `${SUITES}/src`, top, fill),
    ...folders.map(folder => write(top, `${folder}/LICENSE`, licenceText(top))),
    addSuite(name, top, fill),
    ...addDependency(name, top),
    addReferences(folders, top),
    addBudgets(name, top)
  ]
}

/** Replaces the words between double underscores: the name in its four forms, and ranges as the other packages have them */
function filler (name: string, top: string): (text: string) => string {
  const camel = name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase())
  const ranges = new Map(packages(top).flatMap(({ manifest }) => Object.entries(manifest.dependencies ?? {})))
  return text => text
    .replaceAll('__name__', name)
    .replaceAll('__camel__', camel)
    .replaceAll('__Name__', `${camel.charAt(0).toUpperCase()}${camel.slice(1)}`)
    .replaceAll('__words__', name.replaceAll('-', ' '))
    .replaceAll(/__range:(.+?)__/g, (_, dependency: string) => ranges.get(dependency) ?? '*')
}

function copy (kind: string, target: string, top: string, fill: (text: string) => string): string[] {
  const from = join(import.meta.dirname, '../template', kind)
  return files(`**/*${SUFFIX}`, from).map(path =>
    write(top, `${target}/${fill(path.slice(0, -SUFFIX.length))}`, sorted(path, fill(readFileSync(join(from, path), 'utf8')))))
}

/** Where a line stands can depend on the name: imports, exports and dependencies are in order of the alphabet */
function sorted (path: string, text: string): string {
  if (!path.endsWith(`.ts${SUFFIX}`)) return text
  return text.replaceAll(/(?:^import (?:type )?\{[^\n]* from '[^.\n]+'\n)+/gm, block => {
    const lines = block.trimEnd().split('\n')
    const key = (line: string): string => `${line.startsWith('import type') ? 1 : 0}${/'(.*)'/.exec(line)?.[1] ?? ''}`
    return `${lines.sort((a, b) => key(a) < key(b) ? -1 : 1).join('\n')}\n`
  })
}

function write (top: string, path: string, text: string): string {
  mkdirSync(dirname(join(top, path)), { recursive: true })
  writeFileSync(join(top, path), text)
  return path
}

function writeJson (top: string, path: string, value: unknown): string {
  return write(top, path, `${JSON.stringify(value, null, 2)}\n`)
}

function addSuite (name: string, top: string, fill: (text: string) => string): string {
  const path = `${SUITES}/src/index.ts`
  const line = fill(`export { __camel__Suite } from './${name}-suite.ts'\n`)
  const text = readFileSync(join(top, path), 'utf8')
  const end = text.search(/^export type /m)
  return write(top, path, end === -1 ? text + line : text.slice(0, end) + line + text.slice(end))
}

function addDependency (name: string, top: string): string[] {
  const manifest = readJson<Manifest>(join(top, SUITES, 'package.json'))
  const config = readJson<{ references: Array<{ path: string }> }>(join(top, SUITES, 'tsconfig.json'))
  return [
    writeJson(top, `${SUITES}/package.json`, { ...manifest, dependencies: { ...manifest.dependencies, [`@cordon/interface-${name}`]: '0.0.0' } }),
    writeJson(top, `${SUITES}/tsconfig.json`, { ...config, references: [...config.references, { path: `../interface-${name}` }] })
  ]
}

function addReferences (folders: readonly string[], top: string): string {
  const { references } = readJson<{ references: Array<{ path: string }> }>(join(top, 'tsconfig.json'))
  const paths = [...references.map(({ path }) => path), ...folders].sort()
  return write(top, 'tsconfig.json', `{\n  "files": [],\n  "references": [\n${paths.map(path => `    { "path": "${path}" }`).join(',\n')}\n  ]\n}\n`)
}

function addBudgets (name: string, top: string): string {
  const budgets = readJson<unknown[]>(join(top, '.size-limit.json'))
  const budget = (folder: string, limit: string): unknown => ({ name: `@cordon/${folder}`, path: `packages/${folder}/dist/index.js`, limit, ignore: ['@cordon/*'] })
  const all = [...budgets, budget(`interface-${name}`, BUDGETS.interface), budget(name, BUDGETS.implementation)]
  return write(top, '.size-limit.json', `[\n${all.map(entry => `  ${JSON.stringify(entry)}`).join(',\n')}\n]\n`)
}
