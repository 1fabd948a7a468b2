import { MAX_DROPS } from './constants.ts'
import { FullRefusal, groupName, ShedRefusal } from './refusals.ts'
import { transition } from './state.ts'
import type { Context } from './context.ts'
import type { LifecycleRecord } from './record.ts'
import type { Teardown } from './teardown.ts'
import type { Direction, Refusal, ShedOptions } from '@cordon/interface-connection-lifecycle'

/** Who handshakes, and who has to go for somebody else; `docs/lifecycle.md`, "Who gets a place" */
export class Places {
  readonly #context: Context
  readonly #teardown: Teardown

  constructor (context: Context, teardown: Teardown) {
    this.#context = context
    this.#teardown = teardown
  }

  /** Finds a place for a newcomer; whoever has to go is gone before this returns */
  take (record: LifecycleRecord): Refusal | undefined {
    const { table } = this.#context
    if (record.direction === 'outbound') {
      const { maxHandshakingOutbound: limit } = this.#context.options
      const { size } = table.handshaking('outbound')
      if (size >= limit) return new FullRefusal('limit', 'the node', 'outbound', size, limit, 'maxHandshakingOutbound')
    } else {
      const full = this.#makeRoom(record)
      if (full != null || record.isClosed()) return full
    }

    record.state = transition(record.state, 'handshaking')
    table.place(record)
    this.#teardown.enter(record, 'encrypt')
    return undefined
  }

  /** Drops one that nobody knows yet, for a participant that needs room itself; nothing where there is none to drop */
  shed (direction: Direction, { except, spares }: ShedOptions): LifecycleRecord | undefined {
    const set = this.#context.table.anonymous(direction)
    // one whose step is on the stack lets go of nothing before that step has answered
    const record = set.oldestOfLargestBut(record => record === except || record.running > 0 || spares?.(record) === true)
    if (record == null) return undefined
    this.#drop(record, new ShedRefusal(groupName(record.address), direction, set.sizeOf(record.address.share)))
    return record
  }

  /** Drops until there is room: participants that are told of it may open others meanwhile, so it looks again each time */
  #makeRoom (record: LifecycleRecord): Refusal | undefined {
    const { maxHandshaking, maxHandshakingPerGroup } = this.#context.options
    const { address: { share }, direction } = record
    const set = this.#context.table.handshaking(direction)

    for (let drops = 0; !record.isClosed(); drops++) {
      const inGroup = set.sizeOf(share)
      const groupFull = inGroup >= maxHandshakingPerGroup
      if (!groupFull && set.size < maxHandshaking) return undefined

      const crowded = groupFull
        ? new FullRefusal(drops < MAX_DROPS ? 'crowded' : 'limit', groupName(record.address), direction, inGroup, maxHandshakingPerGroup, 'maxHandshakingPerGroup')
        : new FullRefusal(drops < MAX_DROPS ? 'crowded' : 'limit', 'the node', direction, set.size, maxHandshaking, 'maxHandshaking')
      const oldest = groupFull ? set.oldestOf(share) : set.oldestOfLargest()
      if (oldest == null || drops >= MAX_DROPS) return crowded
      this.#drop(oldest, crowded)
    }
  }

  #drop (record: LifecycleRecord, refusal: Refusal): void {
    this.#teardown.finish(record, { code: 'crowded', by: 'local', refusal }, 'abort', true)
  }
}
