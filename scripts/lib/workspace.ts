import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'

/** The folder of the repository */
export const root: string = resolve(import.meta.dirname, '../..')

/** The fields of a manifest that the scripts look at */
export interface Manifest {
  readonly name: string
  readonly version?: string
  readonly private?: boolean
  readonly description?: string
  readonly license?: string
  readonly type?: string
  readonly sideEffects?: boolean
  readonly engines?: Record<string, string>
  readonly files?: readonly string[]
  readonly exports?: Readonly<Record<string, unknown>>
  readonly publishConfig?: unknown
  readonly workspaces?: readonly string[]
  readonly dependencies?: Record<string, string>
  readonly devDependencies?: Record<string, string>
  readonly peerDependencies?: Record<string, string>
  readonly optionalDependencies?: Record<string, string>
  readonly scripts?: Record<string, string>
  readonly 'size-limit'?: ReadonlyArray<{ readonly limit: string, readonly ignore?: readonly string[] }>
}

/** One workspace: its folder, and what its manifest says */
export interface Workspace {
  /** The last part of `path` */
  readonly folder: string
  /** From the top of the repository, with slashes */
  readonly path: string
  readonly absolute: string
  readonly manifest: Manifest
}

/** Reads what this repository itself wrote, so its shape is taken on trust */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
export function readJson <T> (path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T
}

/** The workspaces of one kind, such as `packages`, by name */
export function workspaces (kind: 'packages' | 'examples' | 'benchmarks', top: string = root): Workspace[] {
  return globSync(`${kind}/*/package.json`, { cwd: top }).sort().map(file => {
    const absolute = join(top, dirname(file))
    return {
      folder: basename(absolute),
      path: relative(top, absolute).split('\\').join('/'),
      absolute,
      manifest: readJson<Manifest>(join(absolute, 'package.json'))
    }
  })
}

/** Packages that have something to build; one whose `index.ts` is missing is still to be written */
export function packages (top: string = root): Workspace[] {
  return workspaces('packages', top).filter(({ absolute }) => existsSync(join(absolute, 'src/index.ts')))
}

/** Files below `under` that match, relative to the top of the repository, without what is generated */
export function files (pattern: string | string[], top: string = root): string[] {
  return globSync(pattern, {
    cwd: top,
    exclude: name => /(?:^|\/)(?:node_modules|dist|coverage|\.doc-check|\.cache)$/.test(name)
  }).map(path => path.split('\\').join('/')).sort()
}
