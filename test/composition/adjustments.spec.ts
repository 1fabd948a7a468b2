import { stopAll } from '@cordon/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { guarded } from './support.ts'
import type { ComponentLogger, Logger } from '@libp2p/interface'

const COUNTERS = ['connectionManager.maxIncomingPendingConnections', 'connectionManager.inboundConnectionThreshold']

afterEach(stopAll)

/** Writes down what is logged under one name */
function listening (to: string): { logger: ComponentLogger, lines: unknown[][] } {
  const lines: unknown[][] = []
  const loggerOf = (name: string): Logger => Object.assign(
    (...line: unknown[]) => { if (name === to) lines.push(line) },
    { enabled: true, error: () => {}, trace: () => {}, newScope: loggerOf }
  )

  return { logger: { forComponent: loggerOf }, lines }
}

describe('what was changed about the options', () => {
  it('is listed with its reason, and logged once', async () => {
    const { logger, lines } = listening('cordon:registry')
    const { registry } = await guarded({ options: options => ({ ...options, logger }) })
    const { adjustments } = registry

    expect(adjustments.map(({ option, from, to }) => [option, from, to])).toEqual([
      [COUNTERS[0], '10', 'Infinity'],
      [COUNTERS[1], '5', 'Infinity'],
      ['yamux.streamOptions.maxStreamWindowSize', '16777216', '4194304'],
      ['connectionManager.maxConnections', '300', 'Infinity']
    ])

    for (const { option, to, reason } of adjustments) {
      expect(reason).not.toBe('')
      expect(lines.filter(line => line.includes(option) && line.includes(to) && line.includes(reason))).toHaveLength(1)
    }
  })

  it('is none of what the user set', async () => {
    const { registry } = await guarded({
      options: options => ({ ...options, connectionManager: { maxIncomingPendingConnections: 7, inboundConnectionThreshold: 8, maxConnections: 9 } })
    })

    expect(registry.adjustments.map(({ option }) => option)).toEqual(['yamux.streamOptions.maxStreamWindowSize'])
  })
})
