import type { Stream } from '@libp2p/interface'

/**
 * A stream says once that the peer will write no more. libp2p hands it on only when the peer store has written its
 * protocol down, which takes a datastore on disk longer than most peers take to ask and be done, and whoever iterates
 * over the stream from then on waits until it is cut (@libp2p/utils 7.4.1). So it is said again for listeners that come
 * later, once there is nothing left to read.
 */
export function repeatEnd (stream: Stream): void {
  const addEventListener: Stream['addEventListener'] = stream.addEventListener.bind(stream)
  const dispatchEvent = stream.dispatchEvent.bind(stream)
  let missed = false

  const say = (): void => {
    if (missed && stream.readBufferLength === 0) {
      missed = false
      dispatchEvent(new Event('remoteCloseWrite'))
    }
  }

  stream.addEventListener = (...args: Parameters<Stream['addEventListener']>) => {
    addEventListener(...args)

    if (args[0] === 'remoteCloseWrite') {
      missed = true
      queueMicrotask(say)
    }
  }

  // a listener of our own would be one to whom data is given that nobody reads
  stream.dispatchEvent = event => {
    const result = dispatchEvent(event)

    if (event.type === 'message') {
      queueMicrotask(say)
    }

    return result
  }
}
