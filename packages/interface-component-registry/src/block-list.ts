/** As much of Node's `net.BlockList` as servers and sockets ask */
export interface BlockList {
  /** Whether this IP address is blocked; must not throw, because nobody is there to catch it */
  check (address: string, family?: string): boolean
}

/** Each is a `net.BlockList`, or an instance of a class that extends it; nothing where there is no Node */
export interface BlockLists {
  /** Asked about whoever connects to us, before there is a socket object */
  readonly inbound?: BlockList | undefined

  /** Asked about whom we connect to, once a name has been resolved: what is dialled by name shows no IP address anywhere else */
  readonly outbound?: BlockList | undefined
}

/**
 * A module that knows which addresses are blocked offers lists under this symbol, for transports that make sockets of
 * Node (TCP). Of several modules the first one's are used, and the user's own before any of ours: whoever offers them
 * has to refuse in the steps of a participant as well.
 */
export const blockListSymbol = Symbol.for('@cordon/block-list')

export interface BlockListModule {
  readonly [blockListSymbol]: BlockLists
}

/** Whether a module knows which addresses are blocked */
export function isBlockListModule (value: unknown): value is BlockListModule {
  return typeof value === 'object' && value != null && blockListSymbol in value
}
