import { describe, expect, it } from 'vitest'
import { createResourceManager, infiniteLimits } from '../src/index.ts'
import { admitted, SHARE } from './support.ts'
import type { ConnectionScope, ResourceManager, ScopeHandle, StreamScope } from '@cordon/interface-resource-manager'

/** The steps of each connection: open, setPeer, openStream, setProtocol, release */
const STEPS = 5

/** 15! / (5!)^3 */
const SCHEDULES = 756_756

interface Actor {
  readonly peer: string
  step: number
  connection: ConnectionScope | undefined
  stream: StreamScope | undefined
}

/** Two of one peer and one of another, in a node with room for two of everything */
class World {
  readonly manager: ResourceManager = createResourceManager({
    limits: {
      ...infiniteLimits,
      system: { connections: 2, streams: 2 },
      transient: { connections: 2, streams: 1 },
      peerDefault: { connections: 1, streams: 2 },
      protocolDefault: { streams: 2 },
      protocolPeerDefault: { streams: 1 },
      prefixes: { ipv4: [], ipv6: [] }
    },
    maxIdleScopes: 4
  })

  readonly actors: readonly Actor[] = ['a', 'a', 'b'].map(peer => ({ peer, step: 0, connection: undefined, stream: undefined }))
  readonly system: ScopeHandle = this.manager.scope('system')
  readonly transient: ScopeHandle = this.manager.scope('transient')
  readonly protocol: ScopeHandle = this.manager.scope('protocol', '/x')

  advance (actor: Actor): void {
    switch (actor.step++) {
      case 0: {
        const connection = this.manager.openConnection('inbound', { usesDescriptor: true })
        actor.connection = 'code' in connection ? undefined : connection
        return
      }
      case 1: {
        if (actor.connection?.setPeer(actor.peer) === undefined) return
        actor.connection.release()
        actor.connection = undefined
        return
      }
      case 2: {
        const stream = actor.connection === undefined ? undefined : this.manager.openStream(actor.peer, 'inbound')
        actor.stream = stream === undefined || 'code' in stream ? undefined : stream
        return
      }
      case 3:
        actor.stream?.setProtocol('/x')
        return
      default:
        actor.stream?.release()
        actor.connection?.release()
        actor.stream = actor.connection = undefined
    }
  }

  /** What is counted is what is held, and no limit is passed */
  isSound (): boolean {
    let connections = 0
    let waiting = 0
    let streams = 0
    let negotiated = 0
    for (const { connection, stream } of this.actors) {
      if (connection !== undefined) connections++
      if (connection !== undefined && connection.peer === undefined) waiting++
      if (stream !== undefined) streams++
      if (stream?.protocol !== undefined) negotiated++
    }
    const system = this.system.usage()
    const transient = this.transient.usage()
    return system.connectionsInbound === connections && system.fileDescriptors === connections && system.streamsInbound === streams &&
      transient.connectionsInbound === waiting && transient.streamsInbound === streams - negotiated && this.protocol.usage().streamsInbound === negotiated &&
      connections <= 2 && streams <= 2 && streams - negotiated <= 1 && negotiated <= 2
  }
}

describe('every order in which three connections can take their steps', () => {
  it('P8: never passes a limit, and always ends with nothing', () => {
    const world = new World()
    let schedules = 0
    let runs = 0
    let unsound = 0
    const order: number[] = []

    // a step cannot be taken back, so each schedule is run from the start; what is common to two is checked once
    const run = (checked: number): void => {
      runs++
      for (let at = 0; at < order.length; at++) {
        world.advance(world.actors[order[at] ?? 0] as Actor)
        if (at >= checked && !world.isSound()) unsound++
      }
      for (const actor of world.actors) actor.step = 0
      const { connectionsInbound, streamsInbound, fileDescriptors } = world.system.usage()
      if (connectionsInbound + streamsInbound + fileDescriptors !== 0) unsound++
    }
    const remaining = [STEPS, STEPS, STEPS]
    let common = 0
    const visit = (): void => {
      if (order.length === 3 * STEPS) {
        if (schedules++ % (1 / SHARE) !== 0) return
        run(common)
        common = order.length
        return
      }
      for (let actor = 0; actor < 3; actor++) {
        if (remaining[actor] === 0) continue
        remaining[actor] = (remaining[actor] ?? 0) - 1
        order.push(actor)
        visit()
        order.pop()
        common = Math.min(common, order.length)
        remaining[actor] = (remaining[actor] ?? 0) + 1
      }
    }
    visit()
    expect({ schedules, runs, unsound }).toEqual({ schedules: SCHEDULES, runs: Math.ceil(SCHEDULES * SHARE), unsound: 0 })
    world.system.release()
    expect(admitted(world.manager.openConnection('inbound')).release()).toBeUndefined()
  }, 120_000)
})
