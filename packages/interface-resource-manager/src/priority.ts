/**
 * How important a reservation of memory is: it is refused where it would fill more than `(1 + priority) / 256` of a
 * limit. Any whole number from 0 to 255 is a priority; these are go-libp2p's.
 */
export const RESERVATION_PRIORITY = {
  /** Up to 40 % of a limit */
  low: 101,
  /** Up to 60 % of a limit */
  medium: 152,
  /** Up to 80 % of a limit */
  high: 203,
  /** Up to all of it */
  always: 255
} as const
