/** How the service is called on a node, in errors and in paths of options */
export const NAME = 'lifecycle'

/** What its logger is called */
export const LOGGER = 'cordon:lifecycle'

/**
 * Handshaking inbound connections at most. One handshake takes about 10 ms on loopback and a few round trips
 * elsewhere, so 256 places carry more than 250 honest newcomers a second at one second each, and a stalled one
 * costs about 50 KiB: 13 MiB in all.
 */
export const MAX_HANDSHAKING = 256

/** An eighth of all places: it takes eight groups that stall to fill the node, and a company behind one address still connects */
export const MAX_HANDSHAKING_PER_GROUP = 32

/** libp2p dials 100 addresses at once (`maxParallelDials`); the rest is for what relays and WebRTC dial on the side */
export const MAX_HANDSHAKING_OUTBOUND = 128

/** Absolute, from the start of each phase, in ms. An honest peer needs two round trips for each of the first two. */
export const DEADLINES = { encrypt: 3_000, multiplex: 2_000, handshake: 4_000, total: 10_000 } as const

/** In ms; what libp2p gives a connection to close (`connectionCloseTimeout`) */
export const CLOSE_TIMEOUT = 1_000

/** Peers that are kept connected; each costs one timer and about 1 KiB while it is away */
export const MAX_MAINTAINED = 1_000

/** How many addresses `maintain` takes for one peer: what libp2p dials at most (`maxPeerAddrsToDial`) */
export const MAX_ADDRESSES = 25

/** In ms; libp2p gives up a dial after 10 s by itself (`dialTimeout`), this is for a host that does not */
export const DIAL_TIMEOUT = 30_000

/** How to keep a peer connected, where `maintain` is not told; in ms */
export const MAINTAIN = { minDelay: 1_000, maxDelay: 60_000, stableAfter: 30_000, maxAttempts: Infinity } as const

/** Events that are kept for a slow reader of `monitor()`: what 256 connections say in a life of four events each */
export const MONITOR_BUFFER = 1_024

/** Different names in a table of counters; modules name them, so more is a bug, and is counted under one name */
export const MAX_COUNTER_NAMES = 128

/** How often a newcomer makes room for itself before it gives up: only participants that connect while they let go take a place twice */
export const MAX_DROPS = 16

/** In ms; how often a node that stops says that it is still there. Any number will do: the close timeout ends the wait. */
export const STAY = 1_000
