/**
 * The same object, with other methods: what was given may be frozen, or belong to several nodes, so it stays as it is.
 * Its own methods see it, and not what stands in for it, because they may use private fields.
 */
export function delegate<T extends object> (original: T, methods: Partial<T>): T {
  return new Proxy(Object.create(Object.getPrototypeOf(original) as object | null) as T, {
    get: (_standIn, key) => {
      const value: unknown = Reflect.get(Object.hasOwn(methods, key) ? methods : original, key)

      return typeof value === 'function' && !Object.hasOwn(methods, key) ? value.bind(original) as unknown : value
    },
    set: (_standIn, key, value) => Reflect.set(original, key, value),
    has: (_standIn, key) => key in original
  })
}
