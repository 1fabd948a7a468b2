import { Notes } from '@cordon/notes'
import { show } from '@cordon/options'
import { InvalidParametersError } from '@libp2p/interface'
import { MAX_SERVICE_NAME } from './constants.ts'
import type { StreamHook } from './streams.ts'
import type { NodeComponents } from './wiring.ts'
import type { Stream, StreamHandler, StreamMiddleware } from '@libp2p/interface'

/**
 * Learns from the registrar which protocol a stream has got, and wraps the handlers of protocols, so that a stream's
 * slot is held until its handler has settled.
 */
export class HandlerHook {
  readonly #services = new Map<string, string>()
  readonly #streams = new Notes<Stream, StreamHook>()
  readonly #ours = new WeakSet<StreamMiddleware>()
  /** The same for all streams whose protocol has no middleware of the user's */
  readonly #first: StreamMiddleware = (stream, connection, next) => {
    this.#streams.get(stream)?.negotiated()
    next(stream, connection)
  }

  /** Takes the place of the registrar's methods; services register when they start, which is later */
  install (components: NodeComponents): void {
    const { registrar } = components
    const handle = registrar.handle.bind(registrar)
    const unhandle = registrar.unhandle.bind(registrar)
    const getMiddleware = registrar.getMiddleware.bind(registrar)

    // libp2p runs these for every stream that has a protocol, in both directions and before any handler
    registrar.getMiddleware = protocol => this.#around(getMiddleware(protocol))

    registrar.handle = async (protocol, handler, options) => {
      checkService(options?.service)
      const wrapped = this.#wrap(handler)
      const handled = handle(protocol, wrapped, options)

      // in this tick, because from now on the protocol can be negotiated; another handler keeps what it has
      if (registrar.getHandler(protocol).handler === wrapped) {
        this.#named(protocol, options?.service)
      }

      await handled
    }

    registrar.unhandle = async (protocols, options) => {
      for (const protocol of [protocols].flat()) {
        this.#services.delete(protocol)
      }

      await unhandle(protocols, options)
    }
  }

  /** The name that a protocol's handler gave to its service; at most one for each protocol that the application handles */
  service (protocol: string): string | undefined {
    return this.#services.get(protocol)
  }

  #named (protocol: string, service: string | null | undefined): void {
    if (service == null) {
      this.#services.delete(protocol)
    } else {
      this.#services.set(protocol, service)
    }
  }

  track (stream: Stream, hook: StreamHook): void {
    this.#streams.set(stream, hook)
  }

  /** The user's middleware, between what knows the stream before it and what knows the one that it made of it */
  #around (users: StreamMiddleware[]): StreamMiddleware[] {
    if (users.length === 0) {
      return [this.#first]
    }

    // one that was registered with what we returned before has ours in it
    const theirs = users.filter(middleware => middleware !== this.#first && !this.#ours.has(middleware))
    let hook: StreamHook | undefined
    const first: StreamMiddleware = (stream, connection, next) => {
      hook = this.#streams.get(stream)
      return this.#first(stream, connection, next)
    }
    const last: StreamMiddleware = (stream, connection, next) => {
      if (hook != null) {
        this.#streams.set(stream, hook)
        // middleware takes its time, too
        hook.handedOn()
      }

      next(stream, connection)
    }
    this.#ours.add(first).add(last)

    return [first, ...theirs, last]
  }

  #wrap (handler: StreamHandler): StreamHandler {
    return (stream, connection) => {
      const hook = this.#streams.get(stream)

      if (hook == null) {
        return handler(stream, connection)
      }

      // its slot was given back already: a handler that ran now would run without one
      if (!hook.enter()) {
        stream.log('the stream ended before its handler could run')

        return
      }

      let result: void | Promise<void>

      try {
        result = handler(stream, connection)
      } catch (error) {
        hook.leave()

        throw error
      }

      if (!(result instanceof Promise)) {
        hook.leave()

        return
      }

      return result.finally(() => { hook.leave() })
    }
  }
}

/** Somebody who names a service wants its streams to count there */
function checkService (service: unknown): void {
  if (service != null && (typeof service !== 'string' || service.length === 0 || service.length > MAX_SERVICE_NAME)) {
    throw new InvalidParametersError(`the service of a handler must be a name of 1 to ${MAX_SERVICE_NAME} characters, got ${show(service)}`)
  }
}
