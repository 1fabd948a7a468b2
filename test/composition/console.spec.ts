import { inspect } from 'node:util'
import { normaliseAddress } from '@cordon/address'
import { createConnectionGater } from '@cordon/connection-gater'
import { isRefusal } from '@cordon/interface-connection-lifecycle'
import { createResourceManager } from '@cordon/resource-manager'
import { stopAll } from '@cordon/testing/node'
import { afterEach, describe, expect, it } from 'vitest'
import { guarded } from './support.ts'
import type { Refusal } from '@cordon/interface-connection-lifecycle'

const ADDRESS = normaliseAddress('192.0.2.1')

afterEach(stopAll)

/** Sentences that are built when they are read are no fields, and neither a console nor JSON would show them */
const REFUSALS: ReadonlyArray<readonly [string, () => unknown]> = [
  ['a limit', () => createResourceManager({ limits: { system: { connections: 0 } } }).openConnection('inbound')],
  ['a prefix', () => createResourceManager({ limits: { prefixes: { ipv4: [{ length: 32, connections: 0 }] } } }).openConnection('inbound', { address: ADDRESS })],
  ['a rule', () => {
    const gater = createConnectionGater()
    void gater.block('192.0.2.1')
    return gater.decide({ direction: 'inbound', address: ADDRESS })
  }]
]

function asRefusal (value: unknown): Refusal {
  return isRefusal(value) ? value : expect.fail('it was not refused')
}

describe('what is refused can be read', () => {
  it.each(REFUSALS)('%s: in the console, also as the cause of an error, and as JSON', (_, make) => {
    const refusal = asRefusal(make())
    const printed = inspect(new Error('refused', { cause: refusal }), { breakLength: Infinity })
    expect(printed).toContain(refusal.message.split('"')[0])
    expect(JSON.parse(JSON.stringify(refusal))).toMatchObject({ code: refusal.code, module: refusal.module, message: refusal.message })
  })

  it('a step that is a bug, and the record that it ended', async () => {
    const host = await guarded({ transport: 'tcp', participant: { stage: 'gate', opened: () => { throw new Error('boom') } } })
    const guest = await guarded({ transport: 'tcp' })
    await expect(guest.node.dial(host.node.getMultiaddrs())).rejects.toThrow()
    const event = host.events.find(({ type }) => type === 'connection:refused')
    if (event?.type !== 'connection:refused') throw new Error('nobody was refused')
    expect(inspect(event.refusal, { breakLength: Infinity })).toContain('failed: boom')
    expect(inspect(event.record)).toContain(`remoteAddr: '${event.record.remoteAddr.toString()}'`)
  })
})
