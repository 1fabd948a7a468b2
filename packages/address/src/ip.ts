/**
 * IP addresses as text and as unsigned 32-bit words. Written here rather than taken from a library because it is
 * on the path of every connection: `@chainsafe/is-ip` needs 2 to 6 µs to parse an IPv6 address (see
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

  const lower = code | 0x20

  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : INVALID
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
      break
    }

    if (index === first || index - first > 4) {
      return undefined
    }

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

  return [word(0), word(2), word(4), word(6)]
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

function groupOf (words: readonly number[], index: number): number {
  const word = words[index >>> 1] ?? 0

  return (index & 1) === 0 ? word >>> 16 : word & 0xffff
}

/** RFC 5952: lower case, the first of the longest runs of at least two zero groups as `::` */
export function formatIPv6 (words: readonly number[]): string {
  let runStart = 8
  let runLength = 1
  let start = 0

  for (let index = 0; index < 8; index++) {
    if (groupOf(words, index) !== 0) {
      start = index + 1
    } else if (index - start >= runLength) {
      runStart = start
      runLength = index - start + 1
    }
  }

  let text = ''

  for (let index = 0; index < 8; index++) {
    if (index === runStart) {
      text += '::'
      index += runLength - 1
    } else {
      text += index === 0 || index === runStart + runLength ? formatGroup(groupOf(words, index)) : `:${formatGroup(groupOf(words, index))}`
    }
  }

  return text
}
