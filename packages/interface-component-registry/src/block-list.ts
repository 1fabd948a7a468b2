/** As much of Node's `net.BlockList` as a server asks */
export interface BlockList {
  /** Whether whoever comes from this IP address is to be turned away; must not throw, because nobody is there to catch it */
  check (address: string, family?: string): boolean
}

/**
 * A module that knows which addresses may not connect offers a `net.BlockList`, or an instance of a class that extends
 * it, under this symbol; nothing where there is no Node. Transports whose servers take one (TCP) ask it before a socket
 * object exists. Of several modules the first one's is used: whoever offers one has to refuse in a step of a
 * participant as well.
 */
export const blockListSymbol = Symbol.for('@cordon/block-list')

export interface BlockListModule {
  readonly [blockListSymbol]: BlockList | undefined
}

/** Whether a module knows which addresses may not connect */
export function isBlockListModule (value: unknown): value is BlockListModule {
  return typeof value === 'object' && value != null && blockListSymbol in value
}
