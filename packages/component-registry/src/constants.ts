/** Long enough for a look-up in a local database, short enough that a hung gater holds its place for a moment only */
export const GATER_TIMEOUT = 250

export const START_TIMEOUT = 10_000

export const STOP_TIMEOUT = 5_000

/** A port is bound within milliseconds; what takes longer, such as a relay's reservation, ends with its connection */
export const LISTEN_TIMEOUT = 1_000

/** Two lines of multistream-select and one or two messages of noise before the peer is known, as much again for the muxer, and room for other encrypters */
export const MAX_ANSWERS = 32

/** As the lifecycle's own bounds for what is handshaking: a socket that waits for its HTTP upgrade costs about the same */
export const MAX_PENDING_SOCKETS = 256
export const MAX_PENDING_SOCKETS_PER_GROUP = 32

/** As the lifecycle's deadline for the first phase of a handshake */
export const SOCKET_TIMEOUT = 3_000

/** How long a socket may go on writing what was queued, such as a WebSocket's close frame, before it is destroyed */
export const SOCKET_LINGER = 1_000

/** The longest name that limits can be set for; the resource manager refuses streams of services with longer ones */
export const MAX_SERVICE_NAME = 512

/** What the yamux factories call themselves whose stream windows can be bounded */
export const YAMUX_NAMES: ReadonlySet<string | undefined> = new Set(['@libp2p/yamux', '@chainsafe/libp2p-yamux'])

/** What noise is called in negotiation */
export const NOISE_PROTOCOL = '/noise'

/** What libp2p 3.x names its components; a service of the same name would replace the component */
export const COMPONENT_NAMES: ReadonlySet<string> = new Set([
  'peerId', 'privateKey', 'nodeInfo', 'logger', 'events', 'addressManager', 'peerStore', 'upgrader', 'randomWalk',
  'registrar', 'connectionManager', 'transportManager', 'connectionGater', 'contentRouting', 'peerRouting', 'datastore',
  'connectionProtector', 'connectionMonitor', 'metrics', 'dns',
  // properties of the object that holds the components
  'components', 'isStarted', 'beforeStart', 'start', 'afterStart', 'beforeStop', 'stop', 'afterStop', 'then',
  '_invokeStartableMethod', '__proto__', 'constructor', 'prototype'
])

/** How libp2p 3.x names components of which there can be several */
export const COMPONENT_PREFIXES: readonly string[] = [
  'connection-encryption-', 'stream-muxers-', 'peer-router-', 'content-router-', 'peer-discovery-', 'transport-'
]
