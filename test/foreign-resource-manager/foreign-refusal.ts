import type { RefusalCause, ResourceRefusal } from '@cordon/interface-resource-manager'

type Fields = Omit<ResourceRefusal, 'module' | 'message' | 'resource'>

function resourceOf (cause: RefusalCause | undefined): ResourceRefusal['resource'] {
  if (cause == null || cause === 'memory') return 'memory'
  if (cause === 'fileDescriptors') return 'fileDescriptors'
  return cause.startsWith('streams') ? 'streams' : 'connections'
}

function sentence ({ code, scope, cause, current, attempted, limit, configPath }: Fields): string {
  if (code === 'gone') return `${scope} has ended`
  if (code === 'rate') return `too many connections from ${scope} in too short a time (${configPath})`
  return `${scope} has ${current} of ${limit} ${cause}, and ${attempted} more were asked for (${configPath})`
}

export function refusal (fields: Fields): ResourceRefusal {
  return {
    ...fields,
    module: 'foreign-resource-manager',
    resource: resourceOf(fields.cause),
    get message () { return sentence(fields) }
  }
}
