import { MAX_DESCRIPTOR_SHARE } from '../constants.ts'
import { scaledLimits } from './defaults.ts'
import type { CompleteLimits, DefaultScope, NamedScopeKind } from './defaults.ts'
import type { ScopeLimits } from '@cordon/interface-resource-manager'

/** What a machine has for this process */
export interface Machine {
  /** The smallest of what the machine has, what the control group allows and what V8 uses at most, in bytes */
  readonly memory: number

  /** How many the process may have open (the soft limit); `Infinity` where there is none, 0 where it is not known */
  readonly fileDescriptors: number
}

/** What a browser gets where no budget is given, in bytes of memory: that of go-libp2p's smallest machine */
const BROWSER: Machine = { memory: 2 ** 30, fileDescriptors: 0 }

/** The parts of Node.js that are asked */
interface NodeProcess {
  constrainedMemory? (): number
  getBuiltinModule? (name: string): unknown
}

interface Os { totalmem (): number }
interface V8 { getHeapStatistics (): { readonly heap_size_limit: number } }
interface Fs { readFileSync (path: string, encoding: 'utf8'): string }

/** A control group without a limit reports a number that is larger than any memory */
const PLAUSIBLE = 2 ** 50

/** This machine, as far as it can be asked: in Node.js, and not in a browser */
export function thisMachine (): Machine {
  const node = (globalThis as { readonly process?: NodeProcess }).process
  const os = node?.getBuiltinModule?.('node:os') as Os | undefined
  const v8 = node?.getBuiltinModule?.('node:v8') as V8 | undefined
  const fs = node?.getBuiltinModule?.('node:fs') as Fs | undefined
  if (os == null || v8 == null || fs == null) return BROWSER
  const memory = [os.totalmem(), v8.getHeapStatistics().heap_size_limit, node?.constrainedMemory?.() ?? 0].filter(bytes => bytes > 0 && bytes < PLAUSIBLE)
  return { memory: Math.min(...memory), fileDescriptors: softLimit(fs) }
}

/** `ulimit -n`, which Node.js raises to the hard limit when it starts. Only Linux tells it in a file. */
function softLimit (fs: Fs): number {
  try {
    const [, soft = ''] = /^Max open files\s+(\S+)/m.exec(fs.readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === 'unlimited' ? Infinity : Number(soft)
  } catch {
    return 0
  }
}

/**
 * The limits that this module has where nothing is set: an eighth of the memory, half of the descriptors, and never
 * more than 80 % of them.
 */
export function autoscale ({ memory, fileDescriptors }: Machine): CompleteLimits {
  const limits = scaledLimits(Math.floor(memory / 8), Number.isFinite(fileDescriptors) ? Math.floor(fileDescriptors / 2) : 0)
  if (!(fileDescriptors > 0 && fileDescriptors < Infinity)) return limits
  const most = Math.floor(fileDescriptors * MAX_DESCRIPTOR_SHARE)
  const cap = (scope: ScopeLimits): ScopeLimits => ({ ...scope, fileDescriptors: Math.min(scope.fileDescriptors, most) })
  const capped: Partial<Record<DefaultScope | NamedScopeKind, unknown>> = {}
  for (const [name, scope] of Object.entries(limits) as Array<[DefaultScope, ScopeLimits]>) {
    capped[name] = 'memory' in scope ? cap(scope) : scope
  }
  return capped as CompleteLimits
}
