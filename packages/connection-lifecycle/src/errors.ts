/** Thrown when more peers would be kept connected than `lifecycle.maxMaintained` allows */
export class TooManyMaintainedPeersError extends Error {
  static override name = 'TooManyMaintainedPeersError'
  override name = 'TooManyMaintainedPeersError'
  /** The value of `lifecycle.maxMaintained` */
  readonly limit: number

  constructor (limit: number) {
    super(`${limit} peers are maintained already; lifecycle.maxMaintained changes that`)
    this.limit = limit
  }
}
