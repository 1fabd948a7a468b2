import type { AddressClass, NormalisedAddress } from '@cordon/interface-connection-lifecycle'
import type { Multiaddr } from '@multiformats/multiaddr'

/** IPv6 text to eight groups of 16 bits */
function expand (text: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text)
  if (dotted != null) {
    const [, head, ...bytes] = dotted
    const [a = 0, b = 0, c = 0, d = 0] = bytes.map(Number)
    return expand(`${head}${(a << 8 | b).toString(16)}:${(c << 8 | d).toString(16)}`)
  }
  const [head = '', tail] = text.split('::')
  const parse = (part: string): number[] => part === '' ? [] : part.split(':').map(group => parseInt(group, 16))
  if (tail == null) return parse(head)
  const [before, after] = [parse(head), parse(tail)]
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after]
}

function simple (key: string, kind: AddressClass, transport: string, relay?: string): NormalisedAddress {
  return { key, class: kind, family: 0, words: [], groups: [key], share: key, transport, ...(relay == null ? {} : { relay }) }
}

function ipv4 (key: string, transport: string): NormalisedAddress {
  const [a = 0, b = 0, c = 0, d = 0] = key.split('.').map(Number)
  const groups = [key, `${a}.${b}.${c}.0/24`, `${a}.${b}.0.0/16`]
  return { key, class: a === 127 ? 'loopback' : 'public', family: 4, words: [(a << 24 | b << 16 | c << 8 | d) >>> 0], groups, share: key, transport }
}

function ipv6 (text: string, transport: string): NormalisedAddress {
  const groups = expand(text)
  const [f = 0, g = 0, h = 0] = groups.slice(5)
  if (f === 0xffff && groups.slice(0, 5).every(group => group === 0)) return ipv4([g >>> 8, g & 255, h >>> 8, h & 255].join('.'), transport)
  const hex = groups.map(group => group.toString(16))
  const prefix = (count: number): string => `${hex.slice(0, count).join(':')}::/${count * 16}`
  const key = hex.join(':')
  const words = [0, 2, 4, 6].map(at => ((groups[at] ?? 0) << 16 | (groups[at + 1] ?? 0)) >>> 0)
  const share = key === '0:0:0:0:0:0:0:1' ? key : prefix(4)
  return { key, class: share === key ? 'loopback' : 'public', family: 6, words, groups: [key, prefix(4), `${prefix(4)}/56`, prefix(3)], share, transport }
}

/** As naive as can be while the groups of the bounds are right */
export function normalise (remote: Multiaddr): NormalisedAddress {
  const parts = remote.getComponents()
  const transport = parts.findLast(({ name }) => ['tcp', 'ws', 'wss', 'memory', 'webrtc'].includes(name))?.name ?? 'unknown'
  const circuit = parts.findIndex(({ name }) => name === 'p2p-circuit')
  const relay = parts.slice(0, Math.max(0, circuit)).findLast(({ name }) => name === 'p2p')?.value
  if (relay != null) return simple(`relay:${relay}`, 'relayed', 'circuit', relay)
  const [first] = parts
  if (first?.value == null) return simple(`none:${transport}`, 'none', transport)
  if (first.name === 'ip4') return ipv4(first.value, transport)
  if (first.name === 'ip6') return ipv6(first.value, transport)
  return simple(`${first.name}:${first.value}`, first.name === 'memory' ? 'memory' : 'dns', transport)
}
