import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** What a machine had left for a test, while something was measured */
export interface MachineReading {
  /** The 99th percentile of how long the event loop of a process was held up that had nothing to do, in ms; 10 of them are the timer's */
  readonly idleP99: number

  /** The share of all cores that processes took which do not belong to the test, from 0 to 1 */
  readonly others: number
}

/** Beyond these, what was measured says more about the machine than about the node */
const CALM: MachineReading = { idleP99: 20, others: 0.25 }

/** Linux counts the time of a process in units of 1/100 s; 10 ms */
const TICK = 10

/** Measures the machine from a process that has nothing to do itself; `pids` are those of the others that belong to the test */
export class Machine {
  readonly #pids: readonly number[]
  readonly #idle = monitorEventLoopDelay({ resolution: 10 })
  readonly #startedAt = performance.now()
  readonly #busy: number
  readonly #own: number

  constructor (pids: readonly number[]) {
    this.#pids = [process.pid, ...pids]
    this.#busy = busy()
    this.#own = this.#used()
    this.#idle.enable()
  }

  stop (): MachineReading {
    this.#idle.disable()
    const others = (busy() - this.#busy) - (this.#used() - this.#own)
    return { idleP99: this.#idle.percentile(99) / 1e6, others: Math.max(0, others) / (performance.now() - this.#startedAt) / cpus().length }
  }

  #used (): number {
    return this.#pids.reduce((sum, pid) => sum + timeOf(pid), 0)
  }
}

/** Whether the machine was too busy with something else; why, if so */
export function busyWith ({ idleP99, others }: MachineReading): string | undefined {
  if (idleP99 > CALM.idleP99) return `an idle process was held up by ${idleP99.toFixed(0)} ms`
  if (others > CALM.others) return `other processes took ${(100 * others).toFixed(0)} % of this machine`
  return undefined
}

/** Of all cores, in ms */
function busy (): number {
  return cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0)
}

/** What a process has used of them, in ms */
function timeOf (pid: number): number {
  // after the name in parentheses, which may contain anything: state, ..., and as the 12th and 13th the times (proc(5))
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * TICK
}
