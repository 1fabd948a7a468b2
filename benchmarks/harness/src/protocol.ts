/** What a process offers to the one that started it */
export type Procedures = Record<string, (...params: never[]) => unknown>

/** From the parent to a child */
export interface Call {
  readonly id: number
  readonly name: string
  readonly params: readonly unknown[]
}

/** From a child to its parent; the first one has the id `READY` */
export interface Answer {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}

/** The id of the message with which a child says that it can be called */
export const READY = 0
