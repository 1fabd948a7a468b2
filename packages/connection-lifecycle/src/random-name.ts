const LENGTH = 8
const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz'

/**
 * Eight base36 digits, for what has to differ between the lifecycles of a process, however many copies of this
 * package it has loaded. Not from the source of jitter, which tests make predictable.
 */
export function randomName (): string {
  // 256 is no multiple of 36: the first four digits are a little more likely, which does not matter here
  return Array.from(crypto.getRandomValues(new Uint8Array(LENGTH)), byte => DIGITS.charAt(byte % DIGITS.length)).join('')
}
