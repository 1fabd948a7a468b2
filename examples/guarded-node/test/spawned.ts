import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import type { ChildProcess } from 'node:child_process'

const ENTRY = fileURLToPath(new URL('../src/index.ts', import.meta.url))

/** What is left of a process that has ended */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly output: string
  readonly errors: string
}

/** The example in a process, and a process group, of its own, with a channel that closes when the parent dies */
export interface Spawned {
  readonly child: ChildProcess
  readonly exit: Promise<Exit>

  /** Writes to its standard input */
  type (text: string): void

  /** The first line that matches, from those that nobody waited for yet */
  line (pattern: RegExp): Promise<string>

  /** Whether any process of its group still runs */
  isAlive (): boolean
}

export function spawnExample (...args: string[]): Spawned {
  const child = spawn(process.execPath, ['--conditions=@cordon/source', '--unhandled-rejections=strict', ENTRY, ...args], {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe', 'ipc']
  })
  const { stdin, stdout, stderr } = child
  if (stdin == null || stdout == null || stderr == null) throw new Error('the process was not started')
  const lines = createInterface({ input: stdout })
  const seen: string[] = []
  let errors = ''
  stderr.on('data', chunk => { errors += String(chunk) })
  lines.on('line', line => { seen.push(line) })
  // one that has ended reads nothing more
  stdin.on('error', () => {})
  let read = 0
  return {
    child,
    // not the event `close` of the process: it does not come once the channel was disconnected
    exit: Promise.all([once(child, 'exit'), once(stdout, 'close'), once(stderr, 'close')]).then(([[code, signal]]) => {
      return { code: code as number | null, signal: signal as NodeJS.Signals | null, output: seen.join('\n'), errors }
    }),
    type: text => { stdin.write(text) },
    line: pattern => new Promise((resolve, reject) => {
      const look = (): void => {
        while (read < seen.length) {
          const line = seen[read++] ?? ''
          if (pattern.test(line)) {
            stop()
            resolve(line)
            return
          }
        }
      }
      const ended = (): void => {
        stop()
        reject(new Error(`ended without ${String(pattern)}: ${stripVTControlCharacters(seen.join('\n'))} ${errors}`))
      }
      const stop = (): void => { lines.off('line', look).off('close', ended) }
      lines.on('line', look).on('close', ended)
      look()
    }),
    isAlive: () => child.pid != null && isGroupAlive(child.pid)
  }
}

function isGroupAlive (group: number): boolean {
  try {
    return process.kill(-group, 0)
  } catch {
    return false
  }
}
