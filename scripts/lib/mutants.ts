import { NODE_MUTANTS } from './node-mutants.ts'
import { PREFIX_MUTANTS } from './prefix-mutants.ts'

/** One bug that somebody could have written: a text in one source file, and what stands there instead */
export interface Mutant {
  readonly id: string
  /** What is wrong then */
  readonly bug: string
  /**
   * In which package.
   *
   * @default 'resource-manager'
   */
  readonly package?: string
  /** Below the `src` of the package */
  readonly file: string
  /** Occurs there once */
  readonly find: string
  readonly replace: string
}

/** How many of them may go unnoticed */
export const MAX_SURVIVORS = 2

/** The bugs of the mutation check, by what they are about */
export const MUTANTS: Readonly<Record<string, readonly Mutant[]>> = {
  limits: [
    {
      id: 'connections-off-by-one',
      bug: 'one inbound connection too many is let in',
      file: 'graph/scope.ts',
      find: 'if (this.connectionsInbound >= limits.connectionsInbound)',
      replace: 'if (this.connectionsInbound > limits.connectionsInbound)'
    },
    {
      id: 'streams-off-by-one',
      bug: 'one stream too many in all is let in',
      file: 'graph/share.ts',
      find: 'this.streamsInbound + this.streamsOutbound >= limits.streams',
      replace: 'this.streamsInbound + this.streamsOutbound > limits.streams'
    },
    {
      id: 'descriptors-off-by-one',
      bug: 'the last descriptor of a limit cannot be had',
      file: 'graph/scope.ts',
      find: 'this.fileDescriptors + descriptors > limits.fileDescriptors',
      replace: 'this.fileDescriptors + descriptors >= limits.fileDescriptors'
    },
    {
      id: 'memory-off-by-one',
      bug: 'one byte more than a limit can be had',
      file: 'limits/limits.ts',
      find: 'this.memory <= EXACT ? this.memory :',
      replace: 'this.memory <= EXACT ? this.memory + 1 :'
    },
    {
      id: 'priority-off-by-one',
      bug: 'a priority is worth a 256th more',
      file: 'handles/stream.ts',
      find: 'const share = (1 + priority) / 256',
      replace: 'const share = (2 + priority) / 256'
    },
    {
      id: 'priority-rounded-up',
      bug: 'what a priority may use of a large limit is rounded up',
      file: 'limits/limits.ts',
      find: 'Math.floor(rest * (1 + priority) / 256)',
      replace: 'Math.ceil(rest * (1 + priority) / 256)'
    },
    {
      id: 'unasked-is-checked',
      bug: 'memory is checked although none is asked for',
      file: 'graph/share.ts',
      find: 'return size > 0 && this.memory + size > threshold(',
      replace: 'return this.memory + size > threshold('
    },
    {
      id: 'default-forgotten',
      bug: 'a name that is in the defaults starts from those of its kind instead',
      file: 'limits/table.ts',
      find: 'overlay(limits[name] ?? byDefault, set)',
      replace: 'overlay(byDefault, set)'
    },
    {
      id: 'limits-not-live',
      bug: 'other limits do not reach the shares of peers that exist',
      file: 'graph/graph.ts',
      find: 'share.limits = share.kind.limits.of(share.name)',
      replace: 'void share'
    },
    {
      id: 'names-unbounded',
      bug: 'a name may have any length',
      file: 'graph/names.ts',
      find: ' || name.length > MAX_NAME_LENGTH',
      replace: ''
    }
  ],
  counts: [
    {
      id: 'wrong-direction',
      bug: 'an inbound stream that ends is taken from the outbound ones',
      file: 'graph/share.ts',
      find: 'if (inbound) this.streamsInbound--',
      replace: 'if (!inbound) this.streamsInbound--'
    },
    {
      id: 'ancestor-not-released',
      bug: 'a stream that ends stays in its share of the service',
      file: 'handles/stream.ts',
      find: 'this.#servicePeer.removeStream(inbound, memory)',
      replace: 'void memory'
    },
    {
      id: 'peer-not-settled',
      bug: 'a peer is kept although its last stream has ended',
      file: 'handles/stream.ts',
      find: '    peers.settle(peer)\n',
      replace: ''
    },
    {
      id: 'ends-twice',
      bug: 'a connection that is released twice is given back twice',
      file: 'handles/connection.ts',
      find: '    if (this.#closed) return\n    this.#closed = true\n    this.#near',
      replace: '    this.#closed = true\n    this.#near'
    },
    {
      id: 'peak-missed',
      bug: 'the most streams there were at once are not noted',
      file: 'graph/share.ts',
      find: 'if (total > this.peakStreams) this.peakStreams = total',
      replace: 'void total'
    },
    {
      id: 'peak-lost',
      bug: 'the peak of a scope goes with the scope',
      file: 'graph/kind.ts',
      find: 'scope.raise(this.peak)',
      replace: 'void scope'
    },
    {
      id: 'refusal-not-counted',
      bug: 'refusals are missing in the sums of their class',
      file: 'graph/tally.ts',
      find: 'increment(scope.kind.refusals, cause)',
      replace: 'void scope'
    },
    {
      id: 'dry-run-counts',
      bug: 'a prefix that is only asked counts a refusal',
      file: 'manager.ts',
      find: 'graph.lifts(address, undefined), false)',
      replace: 'graph.lifts(address, undefined), true)'
    },
    {
      id: 'blame-order',
      bug: 'the system is asked for memory before the peer',
      file: 'handles/stream.ts',
      find: 'of [this.#peer, this.#protocolPeer,',
      replace: 'of [this.#root, this.#peer, this.#protocolPeer,'
    },
    {
      id: 'idle-off-by-one',
      bug: 'one scope fewer lingers than may',
      file: 'graph/scope-table.ts',
      find: 'line.length < this.#maxIdle',
      replace: 'line.length < this.#maxIdle - 1'
    },
    {
      id: 'idle-forgets-memory',
      bug: 'memory that was reserved through a handle does not keep its scope',
      file: 'handles/named-scope.ts',
      find: '  override [hold] (): void {\n    this.#scope.pins++\n',
      replace: '  override [hold] (): void {\n'
    }
  ],
  moves: [
    {
      id: 'transient-not-left',
      bug: 'a stream with a protocol still counts in transient',
      file: 'handles/stream.ts',
      find: '    this.#near.removeStream(inbound, memory)\n    const near = this.#near = protocols.enter(found)\n',
      replace: '    const near = this.#near = protocols.enter(found)\n'
    },
    {
      id: 'move-touches-system',
      bug: 'a connection that finds its peer counts in the system once more',
      file: 'handles/connection.ts',
      find: '    scope.addConnection(inbound, this.#descriptors, this.#memory)\n',
      replace: '    scope.addConnection(inbound, this.#descriptors, this.#memory)\n    root.addConnection(inbound, this.#descriptors, this.#memory)\n'
    },
    {
      id: 'memory-left-behind',
      bug: 'the memory of a stream does not move to its share of the service',
      file: 'handles/stream.ts',
      find: '    mine.addStream(inbound, memory)\n    if (inbound) admitted.streamsServedInbound++',
      replace: '    mine.addStream(inbound, 0)\n    if (inbound) admitted.streamsServedInbound++'
    },
    {
      id: 'refused-move-reserves',
      bug: 'a move that the peer refuses stays in the system',
      file: 'handles/connection.ts',
      find: 'if (cause !== 0) return refuse(found, cause, inbound, this.#memory)',
      replace: 'if (cause !== 0) {\n      if (left !== undefined) root.addConnection(inbound, this.#descriptors, this.#memory)\n      return refuse(found, cause, inbound, this.#memory)\n    }'
    },
    {
      id: 'move-after-end',
      bug: 'a connection that has ended can still find its peer',
      file: 'handles/connection.ts',
      find: '    if (this.#closed) throw new ScopeClosedError(this.name)\n    if (this.#attached)',
      replace: '    if (this.#attached)'
    }
  ],
  memory: [
    {
      id: 'refused-memory-stays',
      bug: 'memory that the system refuses stays with the peer',
      file: 'handles/stream.ts',
      find: '      if (refusal !== undefined) return refusal\n    }\n    this.#memory = memory\n',
      replace: '      peer.addMemory(size)\n      if (refusal !== undefined) return refusal\n    }\n    this.#memory = memory\n'
    },
    {
      id: 'token-released-twice',
      bug: 'a reservation can be given back again and again',
      file: 'handles/holder.ts',
      find: '    this.#size = RELEASED\n',
      replace: ''
    },
    {
      id: 'refused-resize-counts',
      bug: 'a reservation that may not grow says that it has grown',
      file: 'handles/holder.ts',
      find: 'if (refusal !== undefined) return refusal\n    } else {',
      replace: 'if (refusal !== undefined) {\n        this.#size = size\n        return refusal\n      }\n    } else {'
    },
    {
      id: 'span-keeps',
      bug: 'what was in a span stays when it ends',
      file: 'handles/holder.ts',
      find: '    this.#owner[CREDIT](this.#memory)\n',
      replace: ''
    },
    {
      id: 'span-outlives',
      bug: 'a span of a stream that has ended can still reserve',
      file: 'handles/stream.ts',
      find: "    if (this.#closed) return new GoneRefusal('stream', this)\n",
      replace: ''
    },
    {
      id: 'share-remembers',
      bug: 'a share that serves another peer keeps the peak of the one before',
      file: 'graph/share.ts',
      find: '    this.peakStreams = 0\n    this.peakStreamsInbound = 0\n',
      replace: ''
    },
    {
      id: 'share-keeps-others',
      bug: 'a share that serves another peer has the other shares of the one before',
      file: 'graph/share.ts',
      find: '    this.others = undefined\n',
      replace: ''
    },
    {
      id: 'ended-stream-renamed',
      bug: 'a stream that has ended has the protocol of whoever has its share now',
      file: 'handles/stream.ts',
      find: 'return this.#protocolPeer === undefined ? undefined : this.#near.name',
      replace: 'return this.#protocolPeer?.name'
    },
    {
      id: 'old-limits-wait',
      bug: 'a share that waits for whom it serves next keeps the limits of before',
      file: 'graph/kind.ts',
      find: '    scope.limits = this.limits.of(name)\n',
      replace: ''
    },
    {
      id: 'shares-lost-with-first',
      bug: 'with the share that a peer had first it loses the others',
      file: 'graph/share.ts',
      find: '    share.others = others\n',
      replace: ''
    }
  ],
  ...PREFIX_MUTANTS,
  ...NODE_MUTANTS
}
