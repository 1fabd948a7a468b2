import { isParticipantModule, isRefusal, participantSymbol, STAGES } from '@cordon/interface-connection-lifecycle'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PEERS } from './fakes.ts'
import { Drive } from './participant/drive.ts'
import { REMOTES } from './participant/records.ts'
import type { TestSetup } from './test-setup.ts'
import type { CloseReason, ParticipantModule } from '@cordon/interface-connection-lifecycle'

/** A module with a participant, and a look at what it holds */
export interface ParticipantSubject {
  readonly module: ParticipantModule

  /**
   * How much it holds for connections and streams: entries, reservations, timers, whatever it has to give back.
   * The number itself says nothing; that it returns does.
   */
  held (): number
}

const REASONS: readonly CloseReason[] = [
  { code: 'remote-close', by: 'remote' },
  { code: 'remote-reset', by: 'remote', error: new Error('reset') },
  { code: 'crowded', by: 'local', refusal: { code: 'crowded', module: 'lifecycle', message: 'no room' } },
  { code: 'shutdown', by: 'local' }
]

/** How many steps a connection has at most, from `opened` to `ready` */
const LENGTH = 5

/**
 * What the contract asks of every module with a participant, whatever it is for: synchronous steps that throw for
 * nobody, answers that are refusals or nothing, and everything given back however early a connection ends.
 */
export function participantSuite (setup: TestSetup<ParticipantSubject>): void {
  describe('a participant', () => {
    let subject: ParticipantSubject
    let drive: Drive
    let base: number

    beforeEach(async () => {
      subject = await setup.setup(undefined)
      drive = new Drive(subject.module[participantSymbol])
      base = subject.held()
    })

    afterEach(async () => { await setup.teardown() })

    it('shows itself, at a stage that exists, with steps that are functions', () => {
      expect(isParticipantModule(subject.module)).toBe(true)
      const { stage, ...steps } = subject.module[participantSymbol]
      expect(STAGES).toContain(stage)
      for (const [name, step] of Object.entries(steps)) expect(step, name).toBeTypeOf('function')
    })

    it('answers a dial at once, whatever is known of the target', () => {
      for (const { multiaddr: text, address } of REMOTES) {
        for (const target of [{}, { peer: PEERS[0] }, { multiaddr: multiaddr(text), address }, { peer: PEERS[0], multiaddr: multiaddr(text), address }]) {
          drive.dial(target)
        }
      }
      expect(subject.held()).toBe(base)
    })

    describe.each(REMOTES)('with $name', (remote) => {
      it.each(['inbound', 'outbound'] as const)('gives everything back, however early an %s connection ends', (direction) => {
        for (const reason of REASONS) {
          for (let steps = 0; steps <= LENGTH; steps++) {
            const connection = drive.open(remote, direction)
            connection.advance(steps)
            connection.end(reason)
            expect(subject.held(), `after ${steps} steps and ${reason.code}`).toBe(base)
          }
        }
      })

      it('gives the slots of streams back, however early they end', () => {
        for (const direction of ['inbound', 'outbound'] as const) {
          for (let steps = 0; steps <= 2; steps++) {
            const connection = drive.open(remote, 'inbound')
            connection.advance(LENGTH)
            const before = subject.held()
            connection.stream(direction, steps)?.end()
            expect(subject.held(), `a stream after ${steps} steps`).toBe(before)
            connection.end({ code: 'remote-close', by: 'remote' })
            expect(subject.held()).toBe(base)
          }
        }
      })
    })

    it('tolerates streams that outlive their connection', () => {
      const [remote] = REMOTES
      if (remote == null) throw new Error('no remote')
      const connection = drive.open(remote, 'inbound')
      connection.advance(LENGTH)
      const streams = [0, 1, 2].map(steps => connection.stream('inbound', steps))
      connection.end({ code: 'remote-reset', by: 'remote' })
      for (const stream of streams) stream?.end()
      expect(subject.held()).toBe(base)
    })

    it('keeps many connections apart, and ends with nothing', () => {
      const connections = Array.from({ length: 200 }, (_, n) => {
        const remote = REMOTES[n % REMOTES.length]
        if (remote == null) throw new Error('no remote')
        const connection = drive.open(remote, n % 3 === 0 ? 'outbound' : 'inbound', PEERS[n % PEERS.length])
        connection.advance(n % (LENGTH + 1))
        return connection
      })
      // neither in the order in which they came, nor in reverse
      for (const start of [1, 0]) {
        for (let n = start; n < connections.length; n += 2) connections[n]?.end({ code: 'idle', by: 'local' })
      }
      expect(subject.held()).toBe(base)
    })

    it('says why it refuses', () => {
      for (const remote of REMOTES) {
        // many from one place, in case it refuses only then
        const connections = Array.from({ length: 50 }, () => {
          const connection = drive.open(remote, 'inbound')
          connection.advance(LENGTH)
          return connection
        })
        for (const connection of connections) connection.end({ code: 'shutdown', by: 'local' })
      }
      for (const refusal of drive.refusals) {
        expect(isRefusal(refusal)).toBe(true)
        expect(refusal.module).toMatch(/\S/)
        expect(refusal.message).toMatch(/\S/)
      }
      expect(subject.held()).toBe(base)
    })
  })
}
