// A gater in a process of its own, so that what it takes can be told from everything else: strikes come in by the million.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { normaliseAddress } from '@cordon/address'
import { serve } from '@cordon/bench-harness'
import { createConnectionGater } from '@cordon/connection-gater'
import type { CoreConnectionGater } from '@cordon/connection-gater'
import type { GaterStatus, Offender } from '@cordon/interface-connection-gater'

/** What an attacker has many of */
export type Kind = 'ipv4' | 'ipv6' | 'peer'

export interface Flooded {
  /** In bytes, over what there was before the first strike */
  readonly memory: number
  readonly rules: GaterStatus['rules']
  readonly evicted: number
  readonly struck: number
  /** Whether the operator's rules are the same as before, and block whom they blocked */
  readonly manualKept: boolean
  /** The most automatic rules that there were at once */
  readonly mostAutomatic: number
}

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

function used (): number {
  for (let i = 0; i < 4; i++) collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** The `index`th of them; no two of the first 16 million are neighbours that would be drawn together */
function offender (kind: Kind, index: number): Offender {
  if (kind === 'ipv4') return { address: normaliseAddress(`${11 + (index >>> 16)}.${(index >>> 8) & 255}.${index & 255}.1`) }
  if (kind === 'ipv6') return { address: normaliseAddress(`2a00:${(index >>> 12).toString(16)}:${(index & 4_095).toString(16)}::1`) }
  let id = ''
  for (let rest = index + 1; id.length < 43; rest = Math.floor(rest / 58)) id = `${BASE58.charAt(rest % 58)}${id}`
  // what begins like this is a hash, whatever follows
  return { peer: `QmX${id}` }
}

/** Ranges of all sizes that lie in one another, among them those that strikes would make */
const MANUAL = Array.from({ length: 1_000 }, (_, index) => {
  const length = [8, 12, 16, 20, 24, 28, 32][index % 7] ?? 32
  return `${11 + (index % 8)}.${(index * 7) & 255}.${index & 255}.1/${length}`
})

async function withRules (): Promise<CoreConnectionGater> {
  const gater = createConnectionGater()
  for (const range of MANUAL) await gater.block(range, { reason: 'ours' })
  return gater
}

/** The operator's rules by their ids, and what they and everybody else's say of an address in each */
function manual (gater: CoreConnectionGater): string[] {
  const decisions = MANUAL.map(range => gater.verdict({ direction: 'inbound', address: normaliseAddress(range.replace(/\/.*/, '')) }).decision)
  return [...[...gater.rules({ origin: 'manual' })].map(({ id, reason = '' }) => `${id} ${reason}`).sort(), ...decisions]
}

const procedures = {
  /** Strikes each of so many once, hard enough to be blocked */
  async flood (kind: Kind, count: number): Promise<Flooded> {
    // what is compiled with the first of them is no part of the gater
    const warm = await withRules()
    for (let index = 0; index < 1_000; index++) warm.strike(offender(kind, index), 100, 'noise')
    const gater = await withRules()
    const kept = manual(gater)
    const before = used()
    let mostAutomatic = 0
    for (let index = 0; index < count; index++) {
      gater.strike(offender(kind, index), 100, 'noise')
      if (index % 1_000 === 0) mostAutomatic = Math.max(mostAutomatic, gater.status().rules.automatic)
    }
    const memory = used() - before
    const { rules, evicted, struck } = gater.status()
    return { memory, rules, evicted, struck, mostAutomatic: Math.max(mostAutomatic, rules.automatic), manualKept: kept.join() === manual(gater).join() }
  }
}

export type Bans = typeof procedures

serve(procedures)
