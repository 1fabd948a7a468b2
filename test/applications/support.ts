import { eventually, within } from '@cordon/testing/node'
import { expect } from 'vitest'
import type { Registry } from '@cordon/interface-component-registry'
import type { ConnectionLifecycle } from '@cordon/interface-connection-lifecycle'
import type { ComponentLogger, Logger } from '@libp2p/interface'
import type { Libp2p } from 'libp2p'

const seconds = Number(process.env['APPLICATION_SECONDS'] ?? 30)

if (!(seconds > 0)) throw new RangeError(`APPLICATION_SECONDS must be a number above 0, got ${process.env['APPLICATION_SECONDS']}`)

/** How long each application works, in ms */
const WORK_TIME = seconds * 1_000

/** Room for starting and stopping on a machine that does other things as well, in ms */
export const TEST_TIMEOUT = WORK_TIME + 60_000

/** The services that every composed node has; a type and not an interface, because libp2p asks for a `Record` */
export type Guarded = { lifecycle: ConnectionLifecycle, registry: Registry }

/** What goes wrong without any test noticing: errors that our components log, and warnings of the process */
export class Complaints implements Disposable {
  readonly logger: ComponentLogger = { forComponent: name => this.#logger(name) }
  readonly #said: string[] = []
  /** Whether the components of ours log through this at all */
  #heard = 0

  readonly #warned = (warning: Error): void => { this.#said.push(`warning: ${warning.message}`) }

  constructor () {
    process.on('warning', this.#warned)
  }

  [Symbol.dispose] (): void {
    process.off('warning', this.#warned)
  }

  /** Fails when there was one, or when this would not have been told */
  expectNone (): void {
    expect(this.#said).toEqual([])
    expect(this.#heard).toBeGreaterThan(0)
  }

  #logger (name: string): Logger {
    const ours = name.startsWith('cordon:')

    return Object.assign(() => { if (ours) this.#heard++ }, {
      enabled: ours,
      trace: () => {},
      error: (format: unknown, ...args: unknown[]) => {
        if (ours) this.#said.push(`${name}: ${[format, ...args].map(String).join(' ')}`)
      },
      newScope: (scope: string) => this.#logger(`${name}:${scope}`)
    })
  }
}

/** Nothing was refused, and no step of a module failed */
export function expectUnhindered (nodes: ReadonlyArray<Libp2p<Guarded>>): void {
  for (const { services: { lifecycle, registry } } of nodes) {
    const { closed, faults, readied, refused } = lifecycle.stats()

    expect({ refused, faults }).toEqual({ refused: {}, faults: {} })
    // nobody was cut off before it was ready
    expect(Object.keys(closed).filter(code => ['refused', 'crowded', 'deadline', 'upgrade-failed', 'handshake-failed'].includes(code))).toEqual([])
    expect(registry.status().gaterFaults).toBe(0)
    expect(readied).toBeGreaterThan(0)
  }
}

/** Stops the nodes, and looks whether anything is left of their connections and streams */
export async function stopClean (nodes: ReadonlyArray<Libp2p<Guarded>>, stop: () => Promise<unknown>): Promise<void> {
  await within(20_000, 'stopping', stop())

  for (const { services: { lifecycle } } of nodes) {
    await eventually(() => lifecycle.stats().streams === 0)
    const { closed, handshaking, opened, records, streams } = lifecycle.stats()

    expect({ size: lifecycle.size, streams, records, handshaking }).toMatchObject({
      size: 0, streams: 0, records: { new: 0, handshaking: 0, ready: 0 }, handshaking: { encrypt: 0, multiplex: 0, handshake: 0 }
    })
    expect(Object.values(closed).reduce((sum, count) => sum + count, 0)).toBe(opened)
  }
}

/** Repeats a piece of work until the time is up; the work takes its own time, so nothing is piled up */
export async function keepBusy (work: (round: number) => Promise<void>): Promise<number> {
  const end = performance.now() + WORK_TIME
  let round = 0

  while (performance.now() < end) {
    await work(round++)
  }

  return round
}
