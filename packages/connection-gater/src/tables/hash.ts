/** The last step of murmur3: every bit of the input changes about half of the output */
function finish (hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

function mix (hash: number, word: number): number {
  word = Math.imul(word, 0xcc9e2d51)
  hash ^= Math.imul((word << 15) | (word >>> 17), 0x1b873593)
  return (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
}

/** Of one word, which is all of an IPv4 address. Every step can be undone, so for one seed no two words have the same. */
export function hashWord (seed: number, word: number): number {
  return finish(mix(seed, word))
}

/** Of four words, as a signed 32-bit number */
export function hashWords (seed: number, a: number, b: number, c: number, d: number): number {
  return finish(mix(mix(mix(mix(seed, a), b), c), d))
}

/** Of a text of printable ASCII, four characters at a time */
export function hashText (seed: number, text: string): number {
  let hash = seed
  const whole = text.length & ~3
  for (let i = 0; i < whole; i += 4) {
    hash = mix(hash, text.charCodeAt(i) | (text.charCodeAt(i + 1) << 8) | (text.charCodeAt(i + 2) << 16) | (text.charCodeAt(i + 3) << 24))
  }
  for (let i = whole; i < text.length; i++) hash = mix(hash, text.charCodeAt(i))
  return finish(hash ^ text.length)
}

/** As `hashText`, of the bytes of the text */
export function hashBytes (seed: number, bytes: Uint8Array, start: number, end: number): number {
  let hash = seed
  const whole = end - ((end - start) & 3)
  for (let i = start; i < whole; i += 4) {
    hash = mix(hash, (bytes[i] ?? 0) | ((bytes[i + 1] ?? 0) << 8) | ((bytes[i + 2] ?? 0) << 16) | ((bytes[i + 3] ?? 0) << 24))
  }
  for (let i = whole; i < end; i++) hash = mix(hash, bytes[i] ?? 0)
  return finish(hash ^ (end - start))
}
