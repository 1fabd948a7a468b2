import { KEEP_ALIVE } from '@libp2p/interface'
import type { PeerId, PeerStore } from '@libp2p/interface'

/** Whether libp2p's own reconnect queue looks after this peer as well */
export async function keepsAlive (peerStore: PeerStore, peer: PeerId): Promise<boolean> {
  try {
    const { tags } = await peerStore.get(peer)

    return [...tags.keys()].some(tag => tag.startsWith(KEEP_ALIVE))
  } catch (error) {
    if (error instanceof Error && error.name === 'NotFoundError') {
      return false
    }

    throw error
  }
}
