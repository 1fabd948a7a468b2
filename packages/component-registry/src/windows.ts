/** libp2p's default for `maxReadBufferLength` of a stream (@libp2p/utils 7.4.1): unread bytes beyond it abort the stream */
const DEFAULT_READ_BUFFER = 4 * 1024 * 1024

/** The window that each stream begins with, by the specification of yamux */
const INITIAL_WINDOW = 256 * 1024

/** Yamux's default for `maxStreamWindowSize` */
export const DEFAULT_MAX_WINDOW = 16 * 1024 * 1024

/** What yamux takes for its streams, as far as windows are concerned, in bytes; it takes `null` for its default as well */
export interface WindowOptions {
  readonly initialStreamWindowSize?: number | null
  readonly maxStreamWindowSize?: number | null
  readonly maxReadBufferLength?: number | null
}

/** The largest window that a paused stream takes without being overrun; no smaller than the one that it begins with, which yamux rejects */
export function largestWindow (options: WindowOptions): number {
  return Math.max(Math.min(DEFAULT_MAX_WINDOW, readBuffer(options)), initialWindow(options))
}

/** Whether a stream with these options has room for all that the other side may send while it is paused */
export function hasRoom (options: WindowOptions): boolean {
  return Math.max(options.maxStreamWindowSize ?? DEFAULT_MAX_WINDOW, initialWindow(options)) <= readBuffer(options)
}

function initialWindow (options: WindowOptions): number {
  return options.initialStreamWindowSize ?? INITIAL_WINDOW
}

function readBuffer (options: WindowOptions): number {
  return options.maxReadBufferLength ?? DEFAULT_READ_BUFFER
}
