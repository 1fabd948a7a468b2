import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { workspaces } from './workspace.ts'
import type { Manifest, Workspace } from './workspace.ts'

/** What every published package says in the same words, see docs/contributing.md */
export const UNIFORM: Partial<Manifest> = {
  license: 'Apache-2.0 OR MIT',
  type: 'module',
  sideEffects: false,
  engines: { node: '>=22' },
  files: ['src', 'dist', '!dist/.tsbuildinfo'],
  exports: {
    '.': {
      '@cordon/source': './src/index.ts',
      types: './dist/index.d.ts',
      default: './dist/index.js'
    }
  },
  publishConfig: { access: 'public', provenance: true }
}

/** What a package brings along beside its code */
const MORE_FILES: Readonly<Record<string, readonly string[]>> = { '@cordon/connection-gater': ['fail2ban'] }

/** The fields of a published manifest, in their order */
const FIELDS: readonly string[] = [
  'name', 'version', 'description', 'license', 'type', 'sideEffects', 'engines', 'files', 'exports', 'publishConfig', 'dependencies', 'peerDependencies', 'peerDependenciesMeta'
]

/**
 * The licence that every package carries. npm packs a file of this name by itself, but neither LICENSE-MIT nor
 * LICENSE-APACHE.
 */
export function licenceText (top: string): string {
  return `Licensed under either of the following, at your choice.\n\n${readText(join(top, 'LICENSE-MIT'))}\n${readText(join(top, 'LICENSE-APACHE'))}`
}

type Range = Readonly<Record<string, string>>

/** Everything that is wrong with the manifests below `top`, and with what lies beside them, one sentence each */
export function checkManifests (top: string): string[] {
  const rootManifest = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8')) as Manifest
  const packages = workspaces('packages', top)
  const others = [...workspaces('examples', top), ...workspaces('benchmarks', top)]
  const licence = licenceText(top)
  const versions = new Map([...packages, ...others].map(({ manifest }) => [manifest.name, manifest.version ?? 'none']))
  return [
    ...packages.flatMap(workspace => workspace.manifest.private === true ? [] : [...checkUniform(workspace), ...checkReadme(workspace), ...checkLicence(workspace, licence)]),
    ...[...packages, ...others].flatMap(workspace => [...checkNames(workspace), ...checkWorkspaceVersions(workspace, versions)]),
    ...others.filter(({ manifest }) => manifest.private !== true).map(({ path }) => `${path}/package.json: private must be true, only packages are published`),
    ...checkSameRanges([...packages, ...others]),
    ...checkBudgets(packages, readText(join(top, '.size-limit.json'))),
    ...checkPinned(rootManifest),
    ...checkReasons(rootManifest, [...packages, ...others], readText(join(top, 'docs/dependencies.md')))
  ]
}

function readText (path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

function checkUniform ({ path, manifest }: Workspace): string[] {
  const fields = Object.keys(manifest)
  const expected: Partial<Manifest> = { ...UNIFORM, files: [...UNIFORM.files ?? [], ...MORE_FILES[manifest.name] ?? []] }
  return [
    ...Object.entries(expected).flatMap(([field, value]) => isDeepStrictEqual(manifest[field as keyof Manifest], value)
      ? []
      : [`${path}/package.json: ${field} must be ${JSON.stringify(value)}, not ${JSON.stringify(manifest[field as keyof Manifest])}`]),
    ...fields.filter(field => !FIELDS.includes(field)).map(field => `${path}/package.json: ${field} is not among the fields that a package has`),
    ...(isDeepStrictEqual(fields.filter(field => FIELDS.includes(field)), FIELDS.filter(field => fields.includes(field))) ? [] : [`${path}/package.json: the order of fields is ${FIELDS.join(', ')}`])
  ]
}

function checkNames ({ path, folder, manifest }: Workspace): string[] {
  const expected = path.startsWith('packages/') ? `@cordon/${folder}` : path.startsWith('benchmarks/') ? `@cordon/bench-${folder}` : `@cordon/example-${folder}`
  const { description = '' } = manifest
  return [
    ...(manifest.name === expected ? [] : [`${path}/package.json: name must be ${expected}, not ${manifest.name}`]),
    ...(description !== '' && !description.endsWith('.') ? [] : [`${path}/package.json: description must be a sentence without a full stop, not ${JSON.stringify(description)}`])
  ]
}

function checkWorkspaceVersions ({ path, manifest }: Workspace, versions: ReadonlyMap<string, string>): string[] {
  return Object.entries({ ...manifest.dependencies, ...manifest.devDependencies, ...manifest.peerDependencies })
    .filter(([name, range]) => versions.has(name) && versions.get(name) !== range)
    .map(([name, range]) => `${path}/package.json: ${name} must be ${versions.get(name)}, which is its version, not ${range}`)
}

/** One range for one dependency, or two packages of one application could bring two copies */
function checkSameRanges (all: readonly Workspace[]): string[] {
  const seen = new Map<string, { range: string, path: string }>()
  return all.flatMap(({ path, manifest }) => Object.entries(manifest.dependencies ?? {}).flatMap(([name, range]) => {
    const first = seen.get(name)
    if (first == null) seen.set(name, { range, path })
    return first == null || first.range === range ? [] : [`${path}/package.json: ${name} is ${range} here and ${first.range} in ${first.path}`]
  }))
}

/** A package without a budget may grow as it likes */
function checkBudgets (all: readonly Workspace[], text: string): string[] {
  const budgets = new Set((text === '' ? [] : JSON.parse(text) as Array<{ name: string, path: string }>).map(({ name, path }) => `${name} ${path}`))
  return all
    .filter(({ manifest, path }) => manifest.private !== true && !budgets.has(`${manifest.name} ${path}/dist/index.js`))
    .map(({ manifest }) => `.size-limit.json: ${manifest.name} has no budget`)
}

function checkPinned ({ devDependencies = {} }: Manifest): string[] {
  return Object.entries(devDependencies).filter(([, range]) => !/^\d+\.\d+\.\d+/.test(range)).map(([name, range]) => `package.json: ${name} must be one exact version, not ${range}`)
}

/** docs/dependencies.md has one row for each dependency that is not ours, and none for what is gone */
function checkReasons (rootManifest: Manifest, all: readonly Workspace[], text: string): string[] {
  const ranges: Range[] = [rootManifest, ...all.map(({ manifest }) => manifest)].map(({ dependencies, devDependencies, peerDependencies }) => ({ ...dependencies, ...devDependencies, ...peerDependencies }))
  const used = new Set(ranges.flatMap(range => Object.keys(range)).filter(name => !name.startsWith('@cordon/')))
  const explained = new Set(reasons(text).keys())
  return [
    ...[...used].filter(name => !explained.has(name)).map(name => `docs/dependencies.md: ${name} has no row that says why it is needed`),
    ...[...explained].filter(name => !used.has(name)).map(name => `docs/dependencies.md: ${name} is no dependency any more`)
  ]
}

/** The rows of a table whose first cell is a name in backquotes and whose last cell is not empty */
export function reasons (text: string): Map<string, string> {
  return new Map([...text.matchAll(/^\| `([^`]+)` \|(?:[^|\n]*\|)*? *([^|\s](?:[^|\n]*[^|\s])?) *\|$/gm)].map(([, name = '', reason = '']) => [name, reason]))
}

function checkReadme ({ path, absolute, manifest }: Workspace): string[] {
  const text = readText(join(absolute, 'README.md'))
  if (text === '') return [`${path}/README.md: is missing`]
  return [
    ...(text.startsWith(`# ${manifest.name}\n`) ? [] : [`${path}/README.md: must begin with "# ${manifest.name}"`]),
    ...(/^```ts( run)?$/m.test(text) ? [] : [`${path}/README.md: has no example in a \`\`\`ts block`]),
    ...(/^## License\n\n.*Apache-2\.0.*MIT/m.test(text) ? [] : [`${path}/README.md: needs a section "## License" that names Apache-2.0 and MIT`])
  ]
}

function checkLicence ({ path, absolute }: Workspace, licence: string): string[] {
  return readText(join(absolute, 'LICENSE')) === licence ? [] : [`${path}/LICENSE: must hold LICENSE-MIT and LICENSE-APACHE, as in the other packages`]
}
