/** The name under which this module is composed, and its refusals and options are known */
export const NAME = 'resourceManager'

/** Names of peers, protocols and services come from the wire; a peer id in base58 has 52 characters, a protocol rarely 40 */
export const MAX_NAME_LENGTH = 512

/** How many scopes of one kind a configuration may name */
export const MAX_NAMED = 100_000

/**
 * How many scopes of one kind are kept although nobody uses them. A peer that reconnects in a loop finds its scope
 * again: to delete one key of a large `Map` and add it again costs 20 µs in V8, because what is deleted stays in the
 * chain of its bucket until the whole map is copied.
 */
export const MAX_IDLE_SCOPES = 1_024

/** How many prefixes of one length are remembered: one botnet does not make the tables grow without bound */
export const MAX_PREFIXES = 65_536

/** How many single prefixes a configuration may name; they are tried one after the other */
export const MAX_PREFIX_ENTRIES = 1_024

/** How many peers a snapshot shows, if it is not told otherwise */
export const SNAPSHOT_PEERS = 100

/** The share of the operating system's descriptors that no limit passes, so that files and databases still open */
export const MAX_DESCRIPTOR_SHARE = 0.8

/** How many inbound streams of one connection may be without a protocol. An honest peer names it with its first message. */
export const MAX_UNNEGOTIATED_STREAMS = 32
