import type { Mutant } from './mutants.ts'

/** Bugs in what joins the resource manager to a node; tests of nodes face them */
export const NODE_MUTANTS: Readonly<Record<string, readonly Mutant[]>> = {
  'the manager in a node': [
    {
      id: 'strangers-block-dials',
      bug: 'strangers that say nothing keep us from dialling',
      file: 'node/participant.ts',
      find: 'return lane !== undefined && this.#hasStrangers(lane) ? undefined : refusal',
      replace: 'return refusal'
    },
    {
      id: 'other-lane-dropped',
      bug: 'a stranger is dropped whose place is in the other lane, which makes no room',
      file: 'node/participant.ts',
      find: 'laneOf(scope) !== lane || ',
      replace: ''
    },
    {
      id: 'strangers-fill-system',
      bug: 'strangers that say nothing keep everybody out of what the ready have left',
      file: 'node/participant.ts',
      find: 'system: \'transient\',',
      replace: ''
    },
    {
      id: 'guests-hold-on',
      bug: 'guests of relays that prove nothing keep everybody else\'s out',
      file: 'node/participant.ts',
      find: 'return newcomer.address.class === \'relayed\' && isFullPrefix(refusal) && this.#shedIn(newcomer, refusal.scope)',
      replace: 'return false'
    },
    {
      id: 'trusted-guest-dropped',
      bug: 'somebody who takes no place where there is none is dropped for a newcomer, which gives it none',
      file: 'node/participant.ts',
      find: '?.scope.isCountedIn(scope) !== true',
      replace: ' === undefined'
    },
    {
      id: 'rate-given-back',
      bug: 'whoever ends gives back what it took of the rate of its prefix',
      file: 'node/participant.ts',
      find: 'if (held?.accepted === true) held.scope.release()',
      replace: 'if (held?.accepted !== true) held?.scope.release()'
    },
    {
      id: 'negotiated-still-waits',
      bug: 'a connection may open so many streams in all as may wait for their protocol at once',
      file: 'node/participant.ts',
      find: "    if (direction === 'inbound') held.connection.unnegotiated--\n",
      replace: ''
    },
    {
      id: 'reset-holds-on',
      bug: 'a stream that is reset for another keeps its slot until it has closed',
      file: 'node/participant.ts',
      find: '    held.scope.release()\n    const count',
      replace: '    const count'
    },
    {
      id: 'service-option-ignored',
      bug: 'the service that a handler names is ignored where go-libp2p has one for its protocol',
      file: 'node/participant.ts',
      find: 'record.service ?? serviceOf(protocol)',
      replace: 'serviceOf(protocol) ?? record.service'
    },
    {
      id: 'equal-makes-room',
      bug: 'a peer that holds as much as any other has the other reset',
      file: 'node/unnegotiated.ts',
      find: 'set.sizeOf(newcomer) >= set.sizeOf(oldest.peer)',
      replace: 'set.sizeOf(newcomer) > set.sizeOf(oldest.peer)'
    },
    {
      id: 'unborn-is-reset',
      bug: 'a stream of ours that the muxer is still making is taken for one that can be reset',
      file: 'node/unnegotiated.ts',
      find: '({ exists }) => !exists',
      replace: '() => false'
    },
    {
      id: 'ours-reset-first',
      bug: 'what we opened is reset before what peers opened',
      file: 'node/unnegotiated.ts',
      find: "case 'streams': return this.#inbound.size > 0 ?",
      replace: "case 'streams': return this.#outbound.size === 0 ?"
    },
    {
      id: 'first-sibling-alone',
      bug: 'of several modules that trust somebody only the first is asked',
      file: 'node/module.ts',
      find: 'others.length === 0 ? first :',
      replace: 'others.length >= 0 ? first :'
    },
    {
      id: 'sibling-overrules',
      bug: 'a sibling is asked who is trusted although the operator has said so',
      file: 'node/module.ts',
      find: 'if (!this.#hasAllowlist) this.#findAllowlist',
      replace: 'this.#findAllowlist'
    }
  ],
  'what a node tells the manager': [
    {
      id: 'end-of-dial-unheard',
      bug: 'a dial that a module ends goes on',
      package: 'component-registry',
      file: 'transports.ts',
      find: 'dial(address, { ...options, signal, upgrader, ...blockList })',
      replace: 'dial(address, { ...options, upgrader, ...blockList })'
    },
    {
      id: 'signals-pile-up',
      bug: 'each dial leaves a listener with the signal of whoever asked for it',
      package: 'component-registry',
      file: 'dials.ts',
      find: "      signal?.removeEventListener('abort', forward)\n",
      replace: ''
    },
    {
      id: 'loggers-unbounded',
      bug: 'every name that a transport asks a logger for is remembered',
      package: 'component-registry',
      file: 'transports.ts',
      find: 'if (this.#byName.size < MAX_LOGGERS)',
      replace: 'if (this.#byName.size < Infinity)'
    },
    {
      id: 'slot-left-early',
      bug: 'a slot is given back although the handler still works',
      package: 'component-registry',
      file: 'streams.ts',
      find: 'if (this.#closed && this.#running === 0)',
      replace: 'if (this.#closed)'
    },
    {
      id: 'failed-open-leaks',
      bug: 'a stream that the muxer could not open keeps its slot',
      package: 'component-registry',
      file: 'streams.ts',
      find: '      driver.streamClosed(record)\n\n      throw error',
      replace: '      throw error'
    },
    {
      id: 'refused-protocol-works',
      bug: 'whoever asked for a stream gets it although its protocol was refused',
      package: 'component-registry',
      file: 'streams.ts',
      find: 'if (this.#refused != null) {',
      replace: 'if (this.#refused === null) {'
    },
    {
      id: 'throwing-handler-leaks',
      bug: 'a handler that throws at once keeps its slot',
      package: 'component-registry',
      file: 'handlers.ts',
      find: '        hook.leave()\n\n        throw error',
      replace: '        throw error'
    },
    {
      id: 'service-outlives-handler',
      bug: 'the service of a handler stays when the handler goes',
      package: 'component-registry',
      file: 'handlers.ts',
      find: '      for (const protocol of [protocols].flat()) {\n        this.#services.delete(protocol)\n      }\n',
      replace: ''
    },
    {
      id: 'max-connections-overridden',
      bug: 'the bound of connections that the user set is lifted',
      package: 'component-registry',
      file: 'registry.ts',
      find: 'if (module == null || this.#wiring.keepsMaxConnections)',
      replace: 'if (module == null)'
    }
  ]
}
