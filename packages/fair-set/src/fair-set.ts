/**
 * In `bench -- handshake-flood` an honest peer that shares an address with one of a hundred that stall had 112 of 120
 * attempts succeed with 1, and 120 with 2. More would only need fewer addresses to fill all places.
 */
const SMALL_GROUP = 2

/** One member's place; a link of its group */
export interface Place<T> {
  readonly member: T
  /** Grows with each member, so the smaller is the older */
  readonly age: number
  readonly group: Group<T>
  previous: Place<T> | undefined
  next: Place<T> | undefined
  taken: boolean
}

interface Group<T> {
  readonly key: string
  size: number
  /** Absent only while the group is being made */
  oldest: Place<T> | undefined
  youngest: Place<T> | undefined
  /** Where it stands in the heap */
  at: number
}

/**
 * Members by group, with the answer to who has to go when there is
 * no room: the oldest of one group takes constant time, the oldest of the largest group too, and what changes the
 * order of the groups takes the logarithm of their number.
 *
 * It holds no more than its users put in: they ask `size` and `sizeOf` first.
 */
export class FairSet<T> {
  /** By key; a group without members is removed, so never more groups than members */
  readonly #groups = new Map<string, Group<T>>()
  /** A binary heap: the largest group first, of two that count as equally large the one with the older oldest member */
  readonly #heap: Array<Group<T>> = []
  readonly #small: number
  #size = 0
  #ages = 0

  /**
   * @param small - groups with no more members than this count as equally large, at least 1. With 1, two honest peers
   *   behind one address, or one beside a single stranger who stalls, are a group that is larger than most, and pay
   *   first. With 2 it takes a stranger half as many groups to have all of them count alike.
   * @default 2
   */
  constructor (small = SMALL_GROUP) {
    this.#small = small
  }

  get size (): number {
    return this.#size
  }

  /** How many groups there are */
  get groups (): number {
    return this.#heap.length
  }

  sizeOf (key: string): number {
    return this.#groups.get(key)?.size ?? 0
  }

  oldestOf (key: string): T | undefined {
    return this.#groups.get(key)?.oldest?.member
  }

  /** The oldest member of the largest group; of several that count as equally large the one whose oldest member is older than theirs */
  oldestOfLargest (): T | undefined {
    return this.#heap[0]?.oldest?.member
  }

  /**
   * The same, passing over some: the oldest of the largest group that may go. Whoever is passed over still counts
   * for its group. Looks at no more groups and members than it passes over, and a few.
   *
   * @param passesOver - asked about one member after the other until one may go
   */
  oldestOfLargestBut (passesOver: (member: T) => boolean): T | undefined {
    // the best of the heap that has not been looked at is always a child of what has been
    const frontier = this.#heap.slice(0, 1)
    for (;;) {
      const group = frontier.reduce<Group<T> | undefined>((best, next) => best == null || this.#goesBefore(next, best) ? next : best, undefined)
      if (group == null) return undefined
      for (let place = group.oldest; place != null; place = place.next) {
        if (!passesOver(place.member)) return place.member
      }
      frontier.splice(frontier.indexOf(group), 1, ...this.#heap.slice(2 * group.at + 1, 2 * group.at + 3))
    }
  }

  add (key: string, member: T): Place<T> {
    const group = this.#groups.get(key) ?? this.#make(key)
    const place: Place<T> = { member, age: this.#ages++, group, previous: group.youngest, next: undefined, taken: true }
    if (group.youngest == null) group.oldest = place
    else group.youngest.next = place
    group.youngest = place
    group.size++
    this.#size++
    this.#up(group)
    return place
  }

  /** Without effect when it was removed before */
  remove (place: Place<T>): void {
    if (!place.taken) return
    place.taken = false
    const { group, previous, next } = place
    this.#size--
    group.size--

    if (previous == null) group.oldest = next
    else previous.next = next
    if (next == null) group.youngest = previous
    else next.previous = previous
    place.previous = place.next = undefined

    if (group.size === 0) this.#drop(group)
    else this.#down(group)
  }

  #make (key: string): Group<T> {
    const group: Group<T> = { key, size: 0, oldest: undefined, youngest: undefined, at: this.#heap.length }
    this.#groups.set(key, group)
    this.#heap.push(group)
    return group
  }

  #drop (group: Group<T>): void {
    this.#groups.delete(group.key)
    const last = this.#heap.pop()
    if (last == null || last === group) return
    this.#heap[group.at] = last
    last.at = group.at
    this.#up(last)
    this.#down(last)
  }

  #up (group: Group<T>): void {
    while (group.at > 0) {
      const parent = this.#heap[(group.at - 1) >>> 1]
      if (parent == null || !this.#goesBefore(group, parent)) return
      this.#swap(group, parent)
    }
  }

  #down (group: Group<T>): void {
    for (;;) {
      const left = this.#heap[2 * group.at + 1]
      const right = this.#heap[2 * group.at + 2]
      const child = left != null && right != null && this.#goesBefore(right, left) ? right : left
      if (child == null || !this.#goesBefore(child, group)) return
      this.#swap(group, child)
    }
  }

  #swap (a: Group<T>, b: Group<T>): void {
    const at = a.at
    a.at = b.at
    b.at = at
    this.#heap[a.at] = a
    this.#heap[b.at] = b
  }

  #goesBefore (a: Group<T>, b: Group<T>): boolean {
    const difference = Math.max(a.size, this.#small) - Math.max(b.size, this.#small)
    return difference > 0 || (difference === 0 && (a.oldest?.age ?? 0) < (b.oldest?.age ?? 0))
  }
}
