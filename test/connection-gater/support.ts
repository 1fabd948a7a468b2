import { connectionGater, createConnectionGater } from '@cordon/connection-gater'
import { isGateRefusal } from '@cordon/interface-connection-gater'
import { eventually, portOf } from '@cordon/testing/node'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryDatastore } from 'datastore-core'
import { failureOf } from '../composition/support.ts'
import { managed, quiet, refusals } from '../resource-manager/support.ts'
import type { GuardedNode } from '../composition/support.ts'
import type { ManagedInit, ManagedNode } from '../resource-manager/support.ts'
import type { ConnectionGaterInit, ConnectionGaterService } from '@cordon/connection-gater'
import type { GateRefusal, RuleAction, RuleOptions, Subject } from '@cordon/interface-connection-gater'
import type { FakeClock } from '@cordon/testing'
import type { TCPSocketOptions } from '@libp2p/tcp'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Batch, Datastore, Pair, Query } from 'interface-datastore'

export { expectNothingHeld, NOTHING, quiet, ready, refusals } from '../resource-manager/support.ts'

export interface GatedInit extends ManagedInit {
  gater?: ConnectionGaterInit

  /** The address on loopback from which it dials. It does not listen then */
  from?: string

  /** Where the node keeps things; in memory by default */
  datastore?: Datastore

  /** Is shown the gater before the node starts */
  made?: (gater: ConnectionGaterService) => void
}

export interface GatedNode extends ManagedNode {
  readonly gater: ConnectionGaterService
  readonly id: string
}

/** A started node on TCP with a gater and a resource manager, and without services that open streams by themselves */
export async function gated ({ gater: init = {}, from, datastore = new MemoryDatastore(), options = quiet, siblings = {}, made, ...rest }: GatedInit = {}): Promise<GatedNode> {
  let gater: ConnectionGaterService | undefined
  const dialOpts: TCPSocketOptions & { localAddress?: string } = from === undefined ? {} : { localAddress: from }
  const node = await managed({
    ...(from !== undefined && { listen: false }),
    options: all => options({ ...all, datastore, ...(from !== undefined && { transports: [tcp({ dialOpts })] }) }),
    ...rest,
    siblings: {
      ...siblings,
      gater: (components: Parameters<ReturnType<typeof connectionGater>>[0]) => {
        gater = connectionGater(init)(components)
        made?.(gater)
        return gater
      }
    }
  })
  if (gater === undefined) throw new Error('the node made no gater')
  return { ...node, gater, id: node.node.peerId.toString() }
}

/** Options with which time stands still for a gater until `clock` is told to move */
export function still (clock: FakeClock): ConnectionGaterInit {
  return { clock, wallClock: () => 1_700_000_000_000 + clock.now() }
}

/** A datastore that answers no query until it is told to */
export class SlowDatastore extends MemoryDatastore {
  readonly #released = Promise.withResolvers<undefined>()

  release (): void {
    this.#released.resolve(undefined)
  }

  override async * query (query: Query): AsyncGenerator<Pair> {
    await this.#released.promise
    yield * super.query(query)
  }
}

/** A datastore in which there are these rules, each with its options */
export async function storeOf <T extends Datastore> (datastore: T, rules: ReadonlyArray<readonly [RuleAction, Subject, RuleOptions?]>, init: ConnectionGaterInit = {}): Promise<T> {
  const writer = createConnectionGater({ ...init, datastore: new Written(datastore) })
  await writer.start()
  await Promise.all(rules.map(async ([action, subject, options]) => writer[action](subject, options)))
  await writer.stop()
  return datastore
}

/** Writes through to another one, and is empty to whoever reads */
class Written extends MemoryDatastore {
  readonly #to: Datastore

  constructor (to: Datastore) {
    super()
    this.#to = to
  }

  override batch (): Batch {
    return this.#to.batch()
  }
}

/** Where a node listens, without its peer id: whoever dials that knows no peer */
export function addressOf ({ node }: GuardedNode): Multiaddr {
  return multiaddr(`/ip4/127.0.0.1/tcp/${portOf(node, 'tcp')}`)
}

/** Whether a guest gets in, as the host sees it: it has a connection with it that is ready, or is done with what came */
export async function visits (host: GuardedNode, guest: GuardedNode): Promise<boolean> {
  const failure = await failureOf(guest.node.dial(addressOf(host), { force: true }))
  const settled = (): boolean => [...host.lifecycle.records()].every(({ state }) => state === 'ready')
  if (failure === undefined) await eventually(() => guest.node.getConnections(host.node.peerId).length === 0 || isIn(host, guest))
  await eventually(settled)
  return isIn(host, guest)
}

/** Whether there is a connection that both know of */
function isIn (host: GuardedNode, guest: GuardedNode): boolean {
  return host.node.getConnections(guest.node.peerId).length > 0 && guest.node.getConnections(host.node.peerId).length > 0
}

/** Why the gater of a node refused connections and dials, in order */
export function gateRefusals (node: GuardedNode): GateRefusal[] {
  return refusals(node).filter(isGateRefusal)
}

/** What the gater of a node gave as the reason that connections were closed with, in order */
export function closedFor ({ reasons }: GuardedNode): GateRefusal[] {
  return reasons.flatMap(({ code, by, refusal }) => code === 'refused' && by === 'local' && isGateRefusal(refusal) ? [refusal] : [])
}
