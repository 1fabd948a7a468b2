import type { Clock, ScheduleOptions, Timer } from '@cordon/interface-connection-lifecycle'

/** One thing that is due at one moment; a link of its queue */
export interface Deadline<T> {
  readonly item: T
  readonly queue: number
  /** In ms of the clock */
  readonly due: number
  previous: Deadline<T> | undefined
  next: Deadline<T> | undefined
  waiting: boolean
}

interface Queue<T> {
  readonly duration: number
  first: Deadline<T> | undefined
  last: Deadline<T> | undefined
}

/**
 * Deadlines of very many things with one timer. All deadlines of one queue have the same duration, so each queue
 * is in order by itself: adding and removing take constant time, and the earliest is the first of one queue.
 *
 * The timer is armed anew only for a deadline that is earlier than what it waits for, and disarmed when there are
 * none left. Where others are left it keeps running, and fires in vain at most once for each time it was armed.
 */
export class Deadlines<T> {
  readonly #clock: Clock
  readonly #queues: ReadonlyArray<Queue<T>>
  readonly #expire: (item: T, queue: number) => void
  readonly #options: ScheduleOptions
  #size = 0
  #timer: Timer | undefined
  #armedFor = Infinity

  /**
   * @param clock - what time is measured with
   * @param durations - of each queue, in ms
   * @param expire - called for each deadline that has passed, earliest first; it may add and remove deadlines. What it throws is thrown by the timer, and the others expire all the same
   * @param options - of the timer; by default it does not keep the process alive
   */
  constructor (clock: Clock, durations: readonly number[], expire: (item: T, queue: number) => void, options: ScheduleOptions = {}) {
    this.#clock = clock
    this.#queues = durations.map(duration => ({ duration, first: undefined, last: undefined }))
    this.#expire = expire
    this.#options = options
  }

  get size (): number {
    return this.#size
  }

  /**
   * Begins to wait.
   *
   * @param queue - the index of its duration
   * @param item - what is due
   * @param from - when the duration began, in ms of the clock
   */
  add (queue: number, item: T, from: number): Deadline<T> {
    const target = this.#queue(queue)
    const deadline: Deadline<T> = { item, queue, due: from + target.duration, previous: target.last, next: undefined, waiting: true }

    // what began at the same moment may arrive in any order
    while (deadline.previous != null && deadline.previous.due > deadline.due) {
      deadline.next = deadline.previous
      deadline.previous = deadline.previous.previous
    }

    if (deadline.previous == null) target.first = deadline
    else deadline.previous.next = deadline
    if (deadline.next == null) target.last = deadline
    else deadline.next.previous = deadline

    this.#size++
    if (deadline.due < this.#armedFor) this.#arm(deadline.due)
    return deadline
  }

  /** Without effect on one that was removed or has expired */
  remove (deadline: Deadline<T>): void {
    if (!deadline.waiting) return
    const queue = this.#queue(deadline.queue)
    deadline.waiting = false
    this.#size--
    if (deadline.previous == null) queue.first = deadline.next
    else deadline.previous.next = deadline.next
    if (deadline.next == null) queue.last = deadline.previous
    else deadline.next.previous = deadline.previous
    deadline.previous = deadline.next = undefined
    if (this.#size === 0) this.stop()
  }

  /** Disarms the timer, though something may wait; what is added afterwards arms it again */
  stop (): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#armedFor = Infinity
  }

  /** Whatever is overdue goes at once, however late the timer fires */
  readonly #sweep = (): void => {
    this.#timer = undefined
    const now = this.#clock.now()

    try {
      for (let next = this.#earliest(); next != null && next.due <= now; next = this.#earliest()) {
        this.remove(next)
        // until the sweep is over nothing is armed, however early it is due
        this.#armedFor = -Infinity
        this.#expire(next.item, next.queue)
      }
    } finally {
      // also after an exception: whatever is overdue then goes with the next sweep, which is due at once
      this.#armedFor = Infinity
      const next = this.#earliest()
      if (next != null) this.#arm(next.due)
    }
  }

  #arm (due: number): void {
    this.#timer?.cancel()
    this.#armedFor = due
    // whole ms, so that a timer that is a fraction early does not fire twice
    this.#timer = this.#clock.schedule(Math.max(0, Math.ceil(due - this.#clock.now())), this.#sweep, this.#options)
  }

  #earliest (): Deadline<T> | undefined {
    let earliest: Deadline<T> | undefined
    for (const { first } of this.#queues) {
      if (first != null && (earliest == null || first.due < earliest.due)) earliest = first
    }
    return earliest
  }

  #queue (index: number): Queue<T> {
    const queue = this.#queues[index]
    if (queue == null) throw new RangeError(`there is no queue ${index}`)
    return queue
  }
}
