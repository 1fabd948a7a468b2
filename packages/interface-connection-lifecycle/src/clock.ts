/** A timer that has been armed */
export interface Timer {
  /** Disarms the timer; without effect once it has fired or was cancelled */
  cancel (): void
}

/** How a timer is armed */
export interface ScheduleOptions {
  /**
   * Keeps the process alive until it fires or is cancelled; for waits that somebody awaits. Without effect where
   * timers do not matter for that, as in browsers.
   *
   * @default false
   */
  readonly ref?: boolean
}

/**
 * The one source of time. Durations are measured with a monotonic clock, so a changed wall clock never shortens
 * or lengthens a deadline.
 */
export interface Clock {
  /** Milliseconds from an arbitrary origin; never goes back */
  now (): number

  /** Calls `task` once, `delay` ms from now at the earliest. The timer does not keep the process alive, unless asked to. */
  schedule (delay: number, task: () => void, options?: ScheduleOptions): Timer
}
