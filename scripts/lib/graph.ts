import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { importsOf, packageOf, parse } from './imports.ts'
import { foreignContent } from './interface-content.ts'
import { files, packages } from './workspace.ts'
import type { Import } from './imports.ts'
import type { Workspace } from './workspace.ts'

/**
 * What a package is, which decides what it may import:
 *
 * - `interface`: the contract of a module. Imports interfaces
 * - `leaf`: a small package that knows no node. Imports interfaces and leaves
 * - `implementation`: one module. Imports interfaces and leaves, never another implementation
 * - `compliance`: suites for any implementation. Imports interfaces and leaves
 * - `testing`: nodes and peers for tests. Imports interfaces and leaves
 * - `umbrella`: the defaults. Imports everything but `testing` and the suites
 */
export type Kind = 'interface' | 'leaf' | 'implementation' | 'compliance' | 'testing' | 'umbrella'

/** Small packages with no libp2p node in them, named for what they hold. A leaf appears when a second module needs it. */
const LEAVES: ReadonlySet<string> = new Set(['address', 'clock', 'fair-set', 'heap', 'notes', 'options'])

const MAY_IMPORT: Record<Kind, readonly Kind[]> = {
  interface: ['interface'],
  leaf: ['interface', 'leaf'],
  implementation: ['interface', 'leaf'],
  compliance: ['interface', 'leaf'],
  testing: ['interface', 'leaf'],
  umbrella: ['interface', 'leaf', 'implementation']
}

/** What an interface package may name of the outside world: libp2p's own contract, and the types it is written in */
const INTERFACE_EXTERNALS: ReadonlySet<string> = new Set(['@libp2p/interface', '@multiformats/multiaddr', 'main-event', 'multiformats'])

/** Packages that are libp2p itself and not its contract */
const INTERNALS: ReadonlySet<string> = new Set(['libp2p', '@libp2p/interface-internal'])

/** Those that know how libp2p is hooked, and the umbrella, whose result is libp2p's options */
const MAY_TOUCH_INTERNALS: ReadonlySet<string> = new Set(['component-registry', 'testing', 'cordon'])

export function kindOf (folder: string): Kind {
  if (folder === 'interface-compliance-tests') return 'compliance'
  if (folder.startsWith('interface-')) return 'interface'
  if (folder === 'cordon') return 'umbrella'
  if (folder === 'testing') return 'testing'
  return LEAVES.has(folder) ? 'leaf' : 'implementation'
}

/** One import of one file of one package */
export interface Arrow extends Import {
  /** From the top of the repository */
  readonly file: string
  /** The folder of the package that is imported, where it is one of ours */
  readonly target?: string
}

/** One package of the real graph */
export interface GraphNode {
  readonly workspace: Workspace
  readonly kind: Kind
  readonly arrows: readonly Arrow[]
  /** What in its files is more than a contract, for interface packages */
  readonly foreign: readonly string[]
}

/** Reads the sources of every package below `top` */
export function readGraph (top?: string): Map<string, GraphNode> {
  const all = packages(top)
  const byName = new Map(all.map(({ manifest, folder }) => [manifest.name, folder]))
  return new Map(all.map(workspace => [workspace.folder, readNode(workspace, byName)]))
}

function readNode (workspace: Workspace, byName: ReadonlyMap<string, string>): GraphNode {
  const kind = kindOf(workspace.folder)
  const arrows: Arrow[] = []
  const foreign: string[] = []
  for (const path of files('src/**/*.ts', workspace.absolute)) {
    const file = `${workspace.path}/${path}`
    const source = parse(file, readFileSync(join(workspace.absolute, path), 'utf8'))
    for (const found of importsOf(source)) {
      const target = byName.get(packageOf(found.specifier))
      arrows.push({ ...found, file, ...(target == null ? {} : { target }) })
    }
    if (kind === 'interface') foreign.push(...foreignContent(source).map(({ line, what }) => `${file}:${line}: ${what}`))
  }
  return { workspace, kind, arrows, foreign }
}

/** Everything that is wrong with the graph, one sentence each; none if it is as docs/architecture.md draws it */
export function checkGraph (graph: ReadonlyMap<string, GraphNode>): string[] {
  return [...graph.values()].flatMap(node => [
    ...node.foreign.map(what => `${what}: an interface package holds types, symbols, error classes and type guards`),
    ...node.arrows.flatMap(arrow => checkArrow(node, arrow, graph) ?? []),
    ...checkDeclared(node, graph)
  ]).concat(cycles(graph))
}

function checkArrow ({ workspace, kind }: GraphNode, { specifier, typeOnly, file, line, target }: Arrow, graph: ReadonlyMap<string, GraphNode>): string | undefined {
  const at = `${file}:${line}: imports ${specifier}`
  if (specifier.startsWith('.')) return join(file, '..', specifier).startsWith(join(workspace.path, 'src')) ? undefined : `${at}, which is outside of the package's src`
  if (target === workspace.folder) return undefined
  if (target != null) {
    const other = graph.get(target)?.kind ?? 'implementation'
    return MAY_IMPORT[kind].includes(other) ? undefined : `${at}: ${aKind(kind)} does not import ${aKind(other)}, only ${MAY_IMPORT[kind].join(', ')}`
  }
  const name = packageOf(specifier)
  if (specifier.startsWith('@cordon/')) return `${at}, which does not exist here`
  if (INTERNALS.has(name) && !MAY_TOUCH_INTERNALS.has(workspace.folder)) return `${at}: only ${[...MAY_TOUCH_INTERNALS].join(', ')} may know how libp2p is made`
  if (kind === 'interface' && !INTERFACE_EXTERNALS.has(name)) return `${at}: an interface package depends on ${[...INTERFACE_EXTERNALS].join(', ')} and nothing else`
  if (kind === 'interface' && !typeOnly && name !== '@libp2p/interface') return `${at} as a value: an interface package imports only its types`
  return undefined
}

function aKind (kind: Kind): string {
  return /^[aeiou]/.test(kind) ? `an ${kind} package` : `a ${kind} package`
}

/** Imports, dependencies and references are three statements of the same fact */
function checkDeclared ({ workspace, arrows }: GraphNode, graph: ReadonlyMap<string, GraphNode>): string[] {
  const { manifest, folder, path } = workspace
  const declared = new Set(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }).filter(name => name.startsWith('@cordon/')).map(name => name.slice('@cordon/'.length)))
  const imported = new Set(arrows.flatMap(({ target }) => target == null || target === folder ? [] : [target]))
  const referenced = new Set(references(join(workspace.absolute, 'tsconfig.json')))
  return [
    ...missing(imported, declared, name => `${path}/package.json: @cordon/${name} is imported but no dependency`),
    ...missing(declared, imported, name => `${path}/package.json: @cordon/${name} is a dependency but not imported`),
    ...missing(declared, referenced, name => `${path}/tsconfig.json: @cordon/${name} is a dependency but no reference`),
    ...missing(referenced, declared, name => `${path}/tsconfig.json: ../${name} is a reference but no dependency`),
    ...missing(declared, new Set(graph.keys()), name => `${path}/package.json: @cordon/${name} does not exist here`)
  ]
}

function missing (some: ReadonlySet<string>, others: ReadonlySet<string>, say: (name: string) => string): string[] {
  return [...some].filter(name => !others.has(name)).map(say)
}

/** The last part of each path that a tsconfig refers to */
export function references (path: string): string[] {
  if (!existsSync(path)) return []
  const { config } = ts.parseConfigFileTextToJson(path, readFileSync(path, 'utf8')) as { config?: { references?: Array<{ path: string }> } }
  return (config?.references ?? []).map(reference => reference.path.replace(/\/(?:tsconfig\.json)?$/, '').split('/').at(-1) ?? '')
}

/** Each package from which one comes back to it; type imports count, because references cannot go in circles either */
function cycles (graph: ReadonlyMap<string, GraphNode>): string[] {
  const state = new Map<string, 'open' | 'done'>()
  const found: string[] = []
  const visit = (folder: string, path: readonly string[]): void => {
    if (state.get(folder) === 'done') return
    if (state.get(folder) === 'open') {
      found.push(`packages go in circles: ${[...path.slice(path.indexOf(folder)), folder].join(' → ')}`)
      return
    }
    state.set(folder, 'open')
    for (const target of dependenciesOf(graph, folder)) visit(target, [...path, folder])
    state.set(folder, 'done')
  }
  for (const folder of graph.keys()) visit(folder, [])
  return found
}

/** The packages of ours that a package imports, in order of their names */
export function dependenciesOf (graph: ReadonlyMap<string, GraphNode>, folder: string): string[] {
  const targets = graph.get(folder)?.arrows.flatMap(({ target }) => target == null || target === folder ? [] : [target])
  return [...new Set(targets)].sort()
}
