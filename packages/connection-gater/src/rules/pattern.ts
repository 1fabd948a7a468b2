import { contains, formatPrefix } from '@cordon/address'
import type { Prefix } from '@cordon/address'
import type { NormalisedAddress } from '@cordon/interface-connection-lifecycle'

/** The transports that rules can name; others cannot be told from an address */
export const TRANSPORTS: ReadonlySet<string> = new Set(['tcp', 'ws', 'wss', 'quic', 'webrtc', 'webrtc-direct', 'webtransport', 'memory', 'unix'])

/** The host of a pattern, where there is one */
export type Host =
  { readonly type: 'prefix', readonly prefix: Prefix } |
  /** Exactly this key of a normalised address, such as `dns:node.example` */
  { readonly type: 'key', readonly key: string } |
  /** All names below this one */
  { readonly type: 'below', readonly name: string } |
  { readonly type: 'any-name' }

/** A host and a transport, or a host that no simpler subject can say */
export interface Pattern {
  readonly host: Host
  readonly transport: string | undefined
}

const DNS = 'dns:'

export function matches ({ host, transport }: Pattern, address: NormalisedAddress): boolean {
  if (transport !== undefined && transport !== address.transport) return false
  switch (host.type) {
    case 'prefix': return contains(host.prefix, address)
    case 'key': return host.key === address.key
    case 'below': return address.key.startsWith(DNS) && address.key.endsWith(`.${host.name}`)
    case 'any-name': return address.key.startsWith(DNS)
  }
}

/** What can be looked up of a pattern: it is found under one anchor, and an address has a few */
export function anchorOf ({ host, transport }: Pattern): string {
  switch (host.type) {
    case 'prefix': return `/${transport ?? ''}`
    case 'key': return host.key
    case 'below': return `.${host.name}`
    case 'any-name': return DNS
  }
}

/** Every anchor under which a pattern that matches can be; at most one for each label of a name, of which there are 127 */
export function anchorsOf ({ key, family, transport }: NormalisedAddress): string[] {
  if (family !== 0) return [`/${transport}`]
  if (!key.startsWith(DNS)) return [key]
  const anchors = [key, DNS]
  for (let dot = key.indexOf('.'); dot !== -1; dot = key.indexOf('.', dot + 1)) anchors.push(key.slice(dot))
  return anchors
}

/** The canonical text; reading it gives the same pattern */
export function formatPattern ({ host, transport }: Pattern): string {
  return `${formatHost(host)}${transport === undefined ? '' : `/${transport}`}`
}

function formatHost (host: Host): string {
  switch (host.type) {
    case 'prefix': {
      const [ip = '', length = ''] = formatPrefix(host.prefix).split('/')
      const full = host.prefix.length === (host.prefix.family === 4 ? 32 : 128)
      return `/ip${host.prefix.family}/${host.prefix.length === 0 ? '*' : full ? ip : `${ip}/ipcidr/${length}`}`
    }
    case 'key': return formatKey(host.key)
    case 'below': return `/dns/*.${host.name}`
    case 'any-name': return '/dns/*'
  }
}

/** The text of a host that is a name: `dns:node.example` is `/dns/node.example` */
export function formatKey (key: string): string {
  const colon = key.indexOf(':')
  const scheme = key.slice(0, colon)
  const rest = key.slice(colon + 1)
  // a path is all that is left, anything else is one part
  return scheme === 'unix' ? `/unix${rest}` : `/${scheme === 'onion' ? 'onion3' : scheme}/${rest.replaceAll('/', '%2F')}`
}
