import type { Mutant } from './mutants.ts'

/** Bugs in what depends on where a connection comes from, and in whom the operator trusts */
export const PREFIX_MUTANTS: Readonly<Record<string, readonly Mutant[]>> = {
  'where connections come from': [
    {
      id: 'level-forgotten',
      bug: 'of several levels only the narrowest counts',
      file: 'prefixes/prefixes.ts',
      find: 'of this.#levels[address.family])',
      replace: 'of this.#levels[address.family].slice(0, 1))'
    },
    {
      id: 'relays-apart',
      bug: 'each relay has its own limit, and all of them together have none',
      file: 'prefixes/prefixes.ts',
      find: 'if (isLimited(this.#relayed.rule)) this.#add(this.#relayed)\n',
      replace: '\n'
    },
    {
      id: 'limits-forget-guests',
      bug: 'who is here when limits change is counted no more',
      file: 'prefixes/prefixes.ts',
      find: 'guest.places = this.#occupy(true, false)',
      replace: 'guest.places = NOWHERE'
    },
    {
      id: 'bucket-in-old-units',
      bug: 'what a bucket lacks is measured by the rate that was',
      file: 'prefixes/table.ts',
      find: 'Math.min(lacks, rule.burst) * rule.interval',
      replace: 'Math.min(lacks, rule.burst) * interval'
    },
    {
      id: 'least-specific-decides',
      bug: 'the widest entry counts instead of the narrowest',
      file: 'prefixes/rules.ts',
      find: 'sort((a, b) => b.prefix.length - a.prefix.length)',
      replace: 'sort((a, b) => a.prefix.length - b.prefix.length)'
    },
    {
      id: 'burst-off-by-one',
      bug: 'a bucket holds one token more',
      file: 'prefixes/rules.ts',
      find: '(burst - 1) * interval',
      replace: 'burst * interval'
    },
    {
      id: 'refund-missing',
      bug: 'a token is not given back',
      file: 'prefixes/table.ts',
      find: 'this.fullAt -= this.rule.interval',
      replace: 'this.fullAt -= 0'
    },
    {
      id: 'own-dials-count',
      bug: 'our own dials count among those of the remote',
      file: 'manager.ts',
      find: 'const limited = inbound && address !== undefined',
      replace: 'const limited = address !== undefined'
    }
  ],
  'whom the operator trusts': [
    {
      id: 'lane-not-kept',
      bug: 'the right peer is moved to the normal scopes',
      file: 'handles/connection.ts',
      find: ' && !lifted.lane ? graph.system',
      replace: ' ? graph.system'
    },
    {
      id: 'lane-memory-in-system',
      bug: 'the memory of a trusted stream counts in the normal system scope',
      file: 'handles/stream.ts',
      find: '    root.addMemory(size)',
      replace: '    graph.system.addMemory(size)'
    },
    {
      id: 'counted-in-both-lanes',
      bug: 'the wrong peer counts in both system scopes',
      file: 'handles/connection.ts',
      find: 'left.removeConnection(inbound, this.#descriptors, this.#memory)',
      replace: 'void left'
    },
    {
      id: 'proven-without-proof',
      bug: 'the wrong peer gets its place among its prefix back',
      file: 'handles/connection.ts',
      find: 'if (lifted.counts) graph',
      replace: 'if (this.#attached) graph'
    }
  ]
}
