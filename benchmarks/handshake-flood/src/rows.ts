/** One kind of flood, and where the honest peer stands to it */
export interface Flood {
  readonly row: string

  /** Loopback addresses that the attacker opens sockets from, in turn */
  readonly sources: readonly string[]

  /** Where the honest peer dials from */
  readonly honest: string

  /** Sockets opened in the first second, beside those of `rate` */
  readonly burst: number

  /** Sockets a second */
  readonly rate: number

  /** The attacker never holds more than this */
  readonly maxHeld: number

  /**
   * The most that one source may hold in the composed arm for the row to say what it claims: half of the default
   * `maxHandshakingPerGroup` (32) where the honest peer shares the address.
   */
  readonly maxHeldPerSource?: number
}

const ATTACKER = '127.66.0.1'
const HONEST = '127.77.0.1'
const HALF_OF_GROUP = 16

/** 100 addresses in 100 networks of 256: neither an address nor a network stands out */
const CROWD = Array.from({ length: 100 }, (_, i) => `127.66.${i + 1}.1`)

const alone = { burst: 0, maxHeld: 500, sources: [ATTACKER] }

/** The attacker keeps to this by itself, and what it held is checked as well */
const half = { maxHeld: HALF_OF_GROUP, maxHeldPerSource: HALF_OF_GROUP }

/** 500 sockets in the first second; from then on each is opened anew every 4 s, whatever became of it */
const crowd = { burst: 500, rate: 125, maxHeld: 500, sources: CROWD }

export const FLOODS: readonly Flood[] = [
  { row: 'stall-2', ...alone, rate: 2, honest: HONEST },
  { row: 'stall-5', ...alone, rate: 5, honest: HONEST },
  { row: 'stall-500x100', ...crowd, honest: HONEST },
  { row: 'stall-2-shared', ...alone, ...half, rate: 2, honest: ATTACKER },
  { row: 'stall-5-shared', ...alone, ...half, rate: 5, honest: ATTACKER },
  { row: 'stall-500x100-shared', ...crowd, honest: CROWD[0] ?? ATTACKER, maxHeldPerSource: HALF_OF_GROUP }
]
