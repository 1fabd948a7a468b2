/**
 * IP addresses as text and as unsigned 32-bit words. Written here rather than taken from a library because it is
 * on the path of every connection: `@chainsafe/is-ip` needs 2 to 3 µs to parse an IPv6 address (see
 * `benchmarks/address`), and the budget for a whole normalisation is 1 µs. The tests compare it with that library
 * and with the platform's URL parser.
 */

const DOT = 0x2e
const COLON = 0x3a
const ZERO = 0x30

/** The longest text of an IPv6 address: eight groups, of which the last two are dotted */
const MAX_IPV6_LENGTH = 45

const INVALID = -1

/** The groups of the address that is being parsed; there is one, because parsing never yields */
const groups = new Uint16Array(8)

/** Whether the text that is being parsed is lower case, without needless zeros, dotted part and zone */
let plain = false

/** Dotted decimal, four parts, no leading zeros (those are octal to some readers); `-1` where it is not that */
export function parseIPv4 (text: string, start = 0, end = text.length): number {
  let address = 0
  let parts = 0
  let index = start

  while (parts < 4) {
    const first = index
    let part = 0

    for (; index < end; index++) {
      const digit = text.charCodeAt(index) - ZERO

      if (digit < 0 || digit > 9) {
        break
      }

      part = part * 10 + digit

      if (part > 255 || (index > first && text.charCodeAt(first) === ZERO)) {
        return INVALID
      }
    }

    if (index === first || (++parts < 4 && text.charCodeAt(index++) !== DOT)) {
      return INVALID
    }

    address = (address << 8) | part
  }

  return index === end ? address >>> 0 : INVALID
}

function hexDigit (code: number): number {
  if (code >= ZERO && code <= 0x39) {
    return code - ZERO
  }

  if (code >= 0x61 && code <= 0x66) {
    return code - 0x57
  }

  if (code >= 0x41 && code <= 0x46) {
    plain = false
    return code - 0x37
  }

  return INVALID
}

/** An IPv6 address and its canonical text */
export interface IPv6 {
  readonly words: readonly number[]
  readonly text: string
}

/** As `parseIPv6`, with the canonical text, which is the text that was given where that is canonical, as multiaddrs have it */
export function readIPv6 (text: string): IPv6 | undefined {
  const words = parseIPv6(text)

  return words === undefined ? undefined : { words, text: plain ? text : formatIPv6(words) }
}

/** Any text of RFC 4291 section 2.2; a zone (`%eth0`) is left out of account */
export function parseIPv6 (text: string): number[] | undefined {
  const zone = text.indexOf('%')
  const end = zone === -1 ? text.length : zone

  if (end < 2 || end > MAX_IPV6_LENGTH) {
    return undefined
  }

  let count = 0
  let gap = INVALID
  let index = 0
  plain = zone === -1

  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) {
      return undefined
    }

    gap = 0
    index = 2
  }

  while (index < end) {
    if (count === 8) {
      return undefined
    }

    const first = index
    let group = 0

    for (; index < end; index++) {
      const digit = hexDigit(text.charCodeAt(index))

      if (digit === INVALID) {
        break
      }

      group = (group << 4) | digit
    }

    if (index < end && text.charCodeAt(index) === DOT) {
      const embedded = count > 6 ? INVALID : parseIPv4(text, first, end)

      if (embedded === INVALID) {
        return undefined
      }

      groups[count++] = embedded >>> 16
      groups[count++] = embedded & 0xffff
      plain = false
      break
    }

    const digits = index - first

    if (digits === 0 || digits > 4) {
      return undefined
    }

    // the fewest digits that the number needs
    plain &&= digits === 1 || group >>> (digits * 4 - 4) !== 0
    groups[count++] = group

    if (index < end) {
      // a colon, and something after it
      if (text.charCodeAt(index++) !== COLON || index === end) {
        return undefined
      }

      if (text.charCodeAt(index) === COLON) {
        if (gap !== INVALID) {
          return undefined
        }

        gap = count
        index++
      }
    }
  }

  return expand(count, gap)
}

/** The words of the address in `groups`, with zeros where the text had `::` */
function expand (count: number, gap: number): number[] | undefined {
  if (gap === INVALID ? count !== 8 : count > 7) {
    return undefined
  }

  if (gap !== INVALID) {
    groups.copyWithin(8 - (count - gap), gap, count)
    groups.fill(0, gap, 8 - (count - gap))
  }

  plain &&= longestRun() === (gap === INVALID ? 0 : gap * 16 + 8 - count)

  return [word(0), word(2), word(4), word(6)]
}

/** Where `::` belongs among the groups (RFC 5952: the first of the longest runs of at least two zeros), as start * 16 + length; 0 where nowhere */
function longestRun (): number {
  let longest = 0
  let length = 1
  let start = 0

  for (let index = 0; index < 8; index++) {
    if (groups[index] !== 0) {
      start = index + 1
    } else if (index - start >= length) {
      length = index - start + 1
      longest = start * 16 + length
    }
  }

  return longest
}

function word (index: number): number {
  return (((groups[index] ?? 0) << 16) | (groups[index + 1] ?? 0)) >>> 0
}

/** An address of 4 or 16 bytes in network order */
export function wordsFromBytes (bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const words: number[] = []

  for (let offset = 0; offset < bytes.byteLength; offset += 4) {
    words.push(view.getUint32(offset))
  }

  return words
}

const DECIMAL: readonly string[] = Array.from({ length: 256 }, (_, byte) => `${byte}`)
const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16))
const HEX_PADDED: readonly string[] = HEX.map(hex => hex.padStart(2, '0'))

export function formatIPv4 (address: number): string {
  return `${DECIMAL[address >>> 24]}.${DECIMAL[(address >>> 16) & 0xff]}.${DECIMAL[(address >>> 8) & 0xff]}.${DECIMAL[address & 0xff]}`
}

/** A group of four hexadecimal digits without leading zeros; three times as fast as `toString(16)` */
export function formatGroup (group: number): string {
  return group > 0xff ? `${HEX[group >>> 8]}${HEX_PADDED[group & 0xff]}` : HEX[group] ?? ''
}

/** Lower case, without leading zeros, and with `::` for the longest run of zeros: RFC 5952 */
export function formatIPv6 (words: readonly number[]): string {
  for (let index = 0; index < 8; index++) {
    const pair = words[index >>> 1] ?? 0
    groups[index] = (index & 1) === 0 ? pair >>> 16 : pair
  }

  const run = longestRun()
  const runStart = run === 0 ? 8 : run >>> 4
  const runEnd = run === 0 ? 8 : runStart + (run & 15)
  let text = ''

  for (let index = 0; index < 8; index++) {
    if (index === runStart) {
      text += '::'
      index = runEnd - 1
    } else {
      text += index === 0 || index === runEnd ? formatGroup(groups[index] ?? 0) : `:${formatGroup(groups[index] ?? 0)}`
    }
  }

  return text
}
