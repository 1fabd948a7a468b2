import { eventually, stopAll } from '@cordon/testing/node'
import { defaultLogger } from '@libp2p/logger'
import { afterEach, describe, expect, it } from 'vitest'
import { guarded, released } from './support.ts'

const TIMES = 5

afterEach(stopAll)

describe('the loggers of transports', () => {
  it('are made once for each name, however many connections come', async () => {
    const names: string[] = []
    const loggers = defaultLogger()
    const logger = {
      forComponent: (name: string) => {
        names.push(name)

        return loggers.forComponent(name)
      }
    }
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
})
