const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** The peer ids of the Go program (`mkPeer`): 38 bytes, as those of ed25519 keys, in base58 */
export function peerName (index: number): string {
  const bytes = new DataView(new ArrayBuffer(38))
  for (const [at, byte] of [0x00, 0x24, 0x08, 0x01, 0x12, 0x20].entries()) bytes.setUint8(at, byte)
  bytes.setBigUint64(6, BigInt.asUintN(64, BigInt(index) * 0x9E3779B97F4A7C15n))
  bytes.setBigUint64(14, BigInt(index))
  return base58(new Uint8Array(bytes.buffer))
}

export function peerNames (count: number): string[] {
  return Array.from({ length: count }, (_, index) => peerName(index))
}

/** Joined once at the end: a text that V8 keeps in parts is put together by whoever reads it first, within what is measured */
function base58 (bytes: Uint8Array): string {
  let value = 0n
  for (const byte of bytes) value = value * 256n + BigInt(byte)
  const digits: string[] = []
  for (; value > 0n; value /= 58n) digits.push(ALPHABET[Number(value % 58n)] ?? '')
  for (const byte of bytes) {
    if (byte !== 0) break
    digits.push('1')
  }
  return digits.reverse().join('')
}
