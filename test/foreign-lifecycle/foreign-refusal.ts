import type { Refusal } from '@cordon/interface-connection-lifecycle'

export function refuse (code: Refusal['code'], message: string): Refusal {
  return { code, module: 'foreign-lifecycle', message }
}
