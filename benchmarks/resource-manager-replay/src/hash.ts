import type { ScopeUsage } from '@cordon/interface-resource-manager'

/** FNV-like, 32 bits, both halves of a 64-bit number */
export class Hash {
  #value = 2166136261

  get value (): number {
    return this.#value >>> 0
  }

  add (number: number): void {
    this.#value = Math.imul(this.#value ^ (number >>> 0), 16777619)
    this.#value = Math.imul(this.#value ^ (Math.floor(number / 2 ** 32) >>> 0), 16777619)
  }

  addUsage (usage: ScopeUsage): void {
    this.add(usage.connectionsInbound)
    this.add(usage.connectionsOutbound)
    this.add(usage.streamsInbound)
    this.add(usage.streamsOutbound)
    this.add(usage.fileDescriptors)
    this.add(usage.memory)
  }
}
