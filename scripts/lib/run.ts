import { spawn } from 'node:child_process'
import { root } from './workspace.ts'
import type { ChildProcess } from 'node:child_process'

/** What became of a command */
export interface Outcome {
  /** 0 is success; a command that SIGINT or SIGTERM ended has 130, and one that another signal ended has 1 */
  readonly code: number
  /** What it wrote to stdout and stderr, in the order of arrival, unless it was shown at once; then what ended it, unless it did so itself */
  readonly output: string
}

export interface RunOptions {
  /** @default the top of the repository */
  readonly cwd?: string
  readonly env?: Record<string, string | undefined>
  /** Let it write to the terminal instead of collecting what it writes */
  readonly show?: boolean
  /** End it after this many ms. @default 600_000, longer than any stage takes on two cores */
  readonly timeout?: number
}

const running = new Set<ChildProcess>()
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

for (const signal of SIGNALS) {
  process.once(signal, () => {
    for (const child of running) child.kill('SIGTERM')
    process.exitCode = 130
    // the children end first; a second signal ends this process at once, because the listener has gone
  })
}

/** Whether a signal asked the process to end: nothing new is started then */
export function isInterrupted (): boolean {
  return process.exitCode === 130
}

/** Runs one command to its end. Never rejects: a command that cannot be started has code 127. */
export function run (file: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  if (isInterrupted()) return Promise.resolve({ code: 130, output: 'interrupted' })
  return new Promise(resolve => {
    const { cwd = root, env = {}, show = false, timeout = 600_000 } = options
    const child = spawn(file, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', show ? 'inherit' : 'pipe', show ? 'inherit' : 'pipe'] })
    const chunks: Buffer[] = []
    running.add(child)
    child.stdout?.on('data', (chunk: Buffer) => { chunks.push(chunk) })
    child.stderr?.on('data', (chunk: Buffer) => { chunks.push(chunk) })
    const deadline = setTimeout(() => {
      chunks.push(Buffer.from(`\nit took longer than ${timeout} ms, and was `))
      child.kill('SIGKILL')
    }, timeout)
    const finish = (code: number, more = ''): void => {
      clearTimeout(deadline)
      running.delete(child)
      resolve({ code, output: Buffer.concat(chunks).toString() + more })
    }
    child.once('error', err => { finish(127, err.message) })
    child.once('close', (code, signal) => { finish(code ?? (signal === 'SIGINT' || signal === 'SIGTERM' ? 130 : 1), signal == null ? '' : `ended by ${signal}`) })
  })
}

/** Runs a script on this very Node */
export function runNode (args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return run(process.execPath, args, options)
}

/** As people read durations */
export function seconds (ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
