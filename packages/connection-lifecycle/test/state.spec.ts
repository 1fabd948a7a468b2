import { InvalidTransitionError } from '@cordon/interface-connection-lifecycle'
import { describe, expect, it } from 'vitest'
import { transition } from '../src/state.ts'
import { tableUnder } from './held.ts'
import type { ConnectionState } from '@cordon/interface-connection-lifecycle'

const STATES: readonly ConnectionState[] = ['new', 'handshaking', 'ready', 'closed']
const LEGAL = new Set(['new handshaking', 'new ready', 'new closed', 'handshaking ready', 'handshaking closed', 'ready closed'])
const PAIRS = STATES.flatMap(from => STATES.map(to => ({ from, to, legal: LEGAL.has(`${from} ${to}`) })))

describe('the state machine', () => {
  it.each(PAIRS)('$from to $to: $legal', ({ from, to, legal }) => {
    if (legal) {
      expect(transition(from, to)).toBe(to)
      return
    }
    let thrown: unknown
    try {
      transition(from, to)
    } catch (err) {
      thrown = err
    }
    expect(thrown).toBeInstanceOf(InvalidTransitionError)
    expect(thrown).toMatchObject({ name: 'InvalidTransitionError', from, to, message: `a connection cannot go from ${from} to ${to}` })
  })

  it('is the one in docs/lifecycle.md', () => {
    const rows = STATES.map(from => [from, ...STATES.map(to => LEGAL.has(`${from} ${to}`) ? 'yes' : '–')])
    expect(tableUnder('The states')).toEqual(rows)
  })
})
