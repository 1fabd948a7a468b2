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

/** Of a text of printable ASCII */
export function hashText (seed: number, text: string): number {
  let hash = seed
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return finish(hash ^ text.length)
}
