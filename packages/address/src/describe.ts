/** How much of a value an error repeats */
const MAX_SHOWN = 64

/** A refused value, cut, and without running code of its own */
export function describe (value: unknown): string {
  if (typeof value === 'string') {
    return value.length > MAX_SHOWN ? `${JSON.stringify(value.slice(0, MAX_SHOWN))}... (${value.length} characters)` : JSON.stringify(value)
  }

  if (value instanceof Uint8Array) {
    const shown = Array.from(value.subarray(0, MAX_SHOWN / 4), byte => byte.toString(16).padStart(2, '0')).join('')

    return `${value.byteLength} bytes${shown === '' ? '' : `, ${shown}${value.byteLength > MAX_SHOWN / 4 ? '...' : ''}`}`
  }

  return typeof value === 'number' || typeof value === 'boolean' || value == null ? `${value}` : `a value of type ${typeof value}`
}
