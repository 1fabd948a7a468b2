import { quantile } from '@cordon/bench-harness'
import { multiaddr } from '@multiformats/multiaddr'
import type { AttackResult, Attacker } from './attacker.ts'
import type { Honest, ProbeResult } from './honest.ts'
import type { Flood } from './rows.ts'
import type { Victim } from './victim.ts'
import type { Lab, MeterReading } from '@cordon/bench-harness'
import type { Arm } from '@cordon/bench-harness/node'

export interface Timing {
  /** Connections before anything is measured, in s */
  readonly warmUp: number
  /** Measured without an attack, in s */
  readonly quiet: number
  /** Measured under attack, in s */
  readonly attack: number
}

/** What came of one attack on one victim */
export interface Run {
  readonly quietP99Ms: number
  readonly quietTries: number
  readonly probe: ProbeResult
  readonly attack: AttackResult
  readonly victim: MeterReading
}

const VICTIM_HOST = '127.0.0.1'

/** An honest peer that connects three times a second stays far below libp2p's limit of five for one address */
const HONEST_RATE = 3
const ATTEMPT_DEADLINE = 3_000

/** More than can be under way at the same time: deadline times rate, and as much again for closing */
const HONEST_PEERS = 16

/** How often the quiet phase is repeated while the machine is too busy */
const QUIET_TRIES = 5

/** A quiet victim that answers later than this says that the machine is busy with something else, in ms */
export const QUIET_P99_LIMIT = 50

/** One victim, one attacker, one honest peer, each a process of its own that ends with the run */
export async function runFlood (lab: Lab, flood: Flood, arm: Arm, timing: Timing): Promise<Run> {
  const processes = await Promise.all([
    lab.start<Victim>(new URL('./victim.ts', import.meta.url)),
    lab.start<Attacker>(new URL('./attacker.ts', import.meta.url)),
    lab.start<Honest>(new URL('./honest.ts', import.meta.url))
  ])
  const [victim, attacker, honest] = processes

  try {
    const addr = await victim.call('listen', arm, VICTIM_HOST)
    const probe = async (seconds: number): Promise<ProbeResult> => {
      return honest.call('probe', { addr, rate: HONEST_RATE, seconds, deadline: ATTEMPT_DEADLINE })
    }

    await honest.call('start', flood.honest, HONEST_PEERS)
    await probe(timing.warmUp)

    const { quietP99Ms, quietTries } = await calm(async () => probe(timing.quiet))

    await victim.call('begin')
    const [attacked, probed] = await Promise.all([
      attacker.call('attack', { ...flood, host: VICTIM_HOST, port: portOf(addr), seconds: timing.attack }),
      probe(timing.attack)
    ])

    return { quietP99Ms, quietTries, attack: attacked, probe: probed, victim: await victim.call('end') }
  } finally {
    await Promise.all(processes.map(async process => process.stop()))
  }
}

/** Measures without an attack until the machine is quiet enough, or until it is clear that it is not */
async function calm (probe: () => Promise<ProbeResult>): Promise<{ quietP99Ms: number, quietTries: number }> {
  for (let quietTries = 1; ; quietTries++) {
    const { latencies, tried } = await probe()
    const quietP99Ms = latencies.length < tried ? Infinity : quantile(latencies, 0.99)

    if (quietP99Ms <= QUIET_P99_LIMIT || quietTries === QUIET_TRIES) {
      return { quietP99Ms, quietTries }
    }
  }
}

function portOf (addr: string): number {
  const port = multiaddr(addr).getComponents().find(({ name }) => name === 'tcp')?.value

  if (port == null) {
    throw new Error(`no TCP port in ${addr}`)
  }

  return Number(port)
}
