import type { Logger } from '@libp2p/interface'

/** What the lifecycle uses of a logger */
export interface Log {
  (formatter: string, ...args: unknown[]): void
  readonly enabled: boolean
  error (formatter: string, ...args: unknown[]): void
}

/** The application's logger, whose exceptions are nobody's business: one of them would leave a connection half released */
export function harmless (logger: Logger): Log {
  const guard = (say: () => void): void => {
    try {
      say()
    } catch {
      // there is nowhere to tell
    }
  }
  const log = (formatter: string, ...args: unknown[]): void => { guard(() => { logger(formatter, ...args) }) }
  return Object.defineProperty(Object.assign(log, {
    enabled: false,
    error: (formatter: string, ...args: unknown[]): void => { guard(() => { logger.error(formatter, ...args) }) }
  }), 'enabled', { get: () => logger.enabled })
}
