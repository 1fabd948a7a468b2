/** How the service is called on a node, in refusals and in paths of options */
export const NAME = 'gater'

/** As many as a denylist of the size that the tables are measured with */
export const MAX_RULES = 1_000_000

/** Two of the largest lists, and a list for each of many small ones */
export const MAX_LIST_RULES = 4_000_000
export const MAX_LISTS = 32

/** Less than a registry waits for a module that stops, in ms */
export const STORE_TIMEOUT = 4_000

/** A burst of strikes counts, one a day does not; in ms */
export const HALF_LIFE = 600_000

/** In points: one or two strikes of 25 can happen to anybody, three are no accident, five are a habit. What came first counts less already, so two are not quite 50. */
export const DISCONNECT_AT = 50
export const BLOCK_AT = 100

/** In ms; a fresh identity costs less than waiting for it */
export const BLOCK_DURATION = 3_600_000

/** Bitcoin Core's bound for what it discourages; about 5 MB, and 6 MB for the scores of as many as are remembered (A41) */
export const MAX_BLOCKS = 50_000
export const MAX_STRUCK = 65_536

/** How many single places of one /24 or /56 are blocked before all of it is */
export const AGGREGATE_AT = 8

/** How often counts of hits are written, in ms */
export const FLUSH_HITS = 60_000

/** A hundred years in ms: a longer duration is a mistake */
export const MAX_DURATION = 3_155_760_000_000

/** More than a name of the DNS and a path of a socket need, also where some of it is written as bytes; in characters, as JavaScript counts them */
export const MAX_SUBJECT = 512

/** A sentence, and a paragraph; in characters as well */
export const MAX_REASON = 256
export const MAX_NOTE = 1_024

/**
 * A rule as JSON has no more bytes, nor characters: six for each character of a text, such as `\u001f`, and all the rest
 * takes less than 512, with 16 digits for a count and 24 for a score.
 */
export const MAX_JSON = 512 + 6 * (MAX_SUBJECT + MAX_REASON + MAX_NOTE)
