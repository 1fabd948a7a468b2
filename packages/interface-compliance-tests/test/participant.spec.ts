import { participantSuite } from '@cordon/interface-compliance-tests'
import { participantSymbol } from '@cordon/interface-connection-lifecycle'
import { describe, expect, it } from 'vitest'
import { Drive } from '../src/participant/drive.ts'
import { REMOTES } from '../src/participant/records.ts'
import type { ConnectionRecord, Participant, Refusal, StreamRecord } from '@cordon/interface-connection-lifecycle'

const FULL: Refusal = { code: 'limit', module: 'counter', message: 'three of three places are taken' }

/** Counts connections and streams, and has three places */
function counter (): { participant: Participant, held: () => number } {
  const connections = new Set<ConnectionRecord>()
  const streams = new Set<StreamRecord>()
  return {
    held: () => connections.size + streams.size,
    participant: {
      stage: 'account',
      opened: record => {
        if (connections.size >= 3) return FULL
        connections.add(record)
        return undefined
      },
      closed: record => { connections.delete(record) },
      streamOpened: stream => { streams.add(stream); return undefined },
      streamClosed: stream => { streams.delete(stream) }
    }
  }
}

describe('one that counts', () => {
  const { participant, held } = counter()
  participantSuite({ setup: async () => ({ module: { [participantSymbol]: participant }, held }), teardown: async () => {} })
})

describe('one that has no steps', () => {
  participantSuite({ setup: async () => ({ module: { [participantSymbol]: { stage: 'observe' } }, held: () => 0 }), teardown: async () => {} })
})

describe.each(['opened', 'identified', 'ready', 'streamOpened', 'streamNegotiated'] as const)('one that refuses at `%s`', (step) => {
  participantSuite({ setup: async () => ({ module: { [participantSymbol]: { stage: 'gate', [step]: () => FULL } }, held: () => 0 }), teardown: async () => {} })
})

describe('the suite', () => {
  const [remote] = REMOTES
  if (remote == null) throw new Error('no remote')

  it.each([
    ['throws', () => { throw new Error('a bug') }, 'threw'],
    ['answers with a promise', async () => undefined, 'a promise'],
    ['answers with what is no refusal', () => false, 'false']
  ])('does not accept a step that %s', (_name, opened: () => unknown, message) => {
    const participant = { stage: 'gate', opened } as unknown as Participant
    expect(() => { new Drive(participant).open(remote, 'inbound').advance(1) }).toThrow(message)
  })

  it('sees what is not given back, and what is given back twice', () => {
    let held = 0
    const drive = new Drive({ stage: 'gate', opened: () => { held++; return undefined }, closed: () => { held-- } })
    const connection = drive.open(remote, 'inbound')
    connection.advance(5)
    expect(held).toBe(1)
    connection.end({ code: 'idle', by: 'local' })
    connection.end({ code: 'idle', by: 'local' })
    expect(held).toBe(0)
  })
})
