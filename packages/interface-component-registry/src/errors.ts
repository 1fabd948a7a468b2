/** Thrown when options and modules cannot be put together; `path` names the one that is wrong */
export class ComposeError extends Error {
  static override name = 'ComposeError'
  override name = 'ComposeError'
  /** Such as `modules.lifecycle` or `options.services.registry` */
  readonly path: string

  constructor (path: string, message: string, options?: ErrorOptions) {
    super(`${path}: ${message}`, options)
    this.path = path
  }
}

/** Thrown by `createLibp2p` when options that were composed for one node are used for a second one */
export class ComposedOptionsReusedError extends Error {
  static override name = 'ComposedOptionsReusedError'
  override name = 'ComposedOptionsReusedError'

  constructor (message = 'these composed options already belong to a node: call compose() or cordon() once for each node') {
    super(message)
  }
}

/** Thrown by `createLibp2p` or `start` when a module did not start; the modules before it have been stopped again */
export class ModuleStartError extends Error {
  static override name = 'ModuleStartError'
  override name = 'ModuleStartError'
  readonly module: string

  constructor (module: string, message: string, options?: ErrorOptions) {
    super(`module ${module} ${message}`, options)
    this.module = module
  }
}
