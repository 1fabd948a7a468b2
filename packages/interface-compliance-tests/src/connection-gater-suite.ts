import { isConnectionGater } from '@cordon/interface-connection-gater'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TestSetup } from './test-setup.ts'
import type { ConnectionGater } from '@cordon/interface-connection-gater'

/** What the interface promises of a `ConnectionGater`; that it is a sound participant is for `participantSuite` to say */
export function connectionGaterSuite (setup: TestSetup<ConnectionGater>): void {
  describe('the connection gater module', () => {
    let module: ConnectionGater

    beforeEach(async () => { module = await setup.setup(undefined) })

    afterEach(async () => { await setup.teardown() })

    it('shows itself by its symbol', () => {
      expect(isConnectionGater(module)).toBe(true)
    })

    it('holds nothing before anything has happened', () => {
      expect(module.size).toBe(0)
    })
  })
}
