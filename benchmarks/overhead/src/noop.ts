import { participantSymbol } from '@cordon/interface-connection-lifecycle'
import type { Participant, ParticipantModule } from '@cordon/interface-connection-lifecycle'

/** Takes part in every step there is, and does nothing: what is left is the price of being asked */
export function noop (): ParticipantModule {
  const participant: Required<Participant> = {
    stage: 'account',
    dial: () => undefined,
    opened: () => undefined,
    raw: () => {},
    identified: () => undefined,
    secured: () => {},
    ready: () => undefined,
    closed: () => {},
    streamOpened: () => undefined,
    streamNegotiated: () => undefined,
    streamClosed: () => {}
  }

  return { [participantSymbol]: participant }
}
