import { eventually, stopAll } from '@cordon/testing/node'
import { defaultLogger } from '@libp2p/logger'
import { tcp } from '@libp2p/tcp'
import { afterEach, describe, expect, it } from 'vitest'
import { guarded, released } from './support.ts'
import type { ComponentLogger } from '@libp2p/interface'
import type { Libp2pOptions } from 'libp2p'

const TIMES = 5

/** More than are remembered for one transport */
const MANY = 40

afterEach(stopAll)

/** Writes down the names for which a logger was made */
function counting (): { logger: ComponentLogger, names: string[] } {
  const names: string[] = []
  const loggers = defaultLogger()
  const logger = {
    forComponent: (name: string) => {
      names.push(name)

      return loggers.forComponent(name)
    }
  }

  return { logger, names }
}

describe('the loggers of transports', () => {
  it('are made once for each name, however many connections come', async () => {
    const { logger, names } = counting()
    const victim = await guarded({ transport: 'tcp', options: options => ({ ...options, logger }) })

    for (let n = 0; n < TIMES; n++) {
      const visitor = await guarded({ transport: 'tcp', listen: false })
      await visitor.node.dial(victim.node.getMultiaddrs())
      await eventually(() => victim.lifecycle.stats().readied === n + 1)
      await visitor.node.stop()
      await released(victim)
    }

    expect(names.filter(name => name === 'libp2p:tcp:connection')).toHaveLength(1)
  })

  it('of a transport that has a name for everything are not all remembered', async () => {
    const { logger, names } = counting()
    const talkative: Libp2pOptions['transports'] = [components => {
      for (let n = 0; n < 2 * MANY; n++) components.logger.forComponent(`talkative-${n % MANY}`)

      return tcp()(components)
    }]
    await guarded({ transport: 'tcp', options: options => ({ ...options, logger, transports: talkative }) })
    const times = Array.from({ length: MANY }, (_, n) => names.filter(name => name === `talkative-${n}`).length)
    const remembered = times.filter(count => count === 1).length

    expect(remembered).toBeGreaterThan(0)
    expect(remembered).toBeLessThanOrEqual(16)
    expect(times).toEqual([...new Array<number>(remembered).fill(1), ...new Array<number>(MANY - remembered).fill(2)])
  })
})
