import { formatPrefix, parsePrefix } from '@cordon/address'

/** How long prefixes of a denylist are: most are single addresses and /24, as in the public ones */
const IPV4: readonly number[] = [32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 24, 24, 24, 24, 24, 23, 22, 21, 20]
const IPV6: readonly number[] = [128, 64, 64, 64, 56, 48, 48, 32]

/** How many of each hundred prefixes and addresses are IPv6 */
const SHARE6 = 10

/** What begins like this is an Ed25519 key, whatever follows */
const PEER = Array.from('12D3KooWJ', char => char.charCodeAt(0))
const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** Deterministic 32-bit numbers (xorshift) */
export class Numbers {
  #state: number

  constructor (seed: number) {
    this.#state = seed
  }

  next (): number {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    return this.#state >>> 0
  }

  address (): string {
    const word = this.next()
    if (this.next() % 100 >= SHARE6) return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`
    const group = (): string => (this.next() & 0xffff).toString(16)
    return `2${(word >>> 20).toString(16).padStart(3, '0')}:${group()}:${group()}:${group()}:${group()}:${group()}:${group()}:${group()}`
  }

  /** A prefix as its canonical text; IPv6 ranges that carry IPv4 addresses are left out */
  prefix (): string {
    for (;;) {
      const address = this.address()
      const lengths = address.includes(':') ? IPV6 : IPV4
      const prefix = parsePrefix(`${address}/${lengths[this.next() % lengths.length] ?? 32}`)
      if ((prefix.family === 6) === address.includes(':')) return formatPrefix(prefix)
    }
  }

  /** In one piece: a million texts that remember how they were put together take 1.4 GB, and a second of the collector's */
  peer (): string {
    return String.fromCharCode(...PEER, ...Array.from({ length: 43 }, () => BASE58.charCodeAt(this.next() % 58)))
  }
}

/** Different texts */
export function distinct (count: number, make: () => string): string[] {
  const all = new Set<string>()
  while (all.size < count) all.add(make())
  return [...all]
}
