import { parseArgs } from 'node:util'

/** What was asked for on the command line */
export interface Settings {
  /** Whether the example brings its own visitors */
  readonly visitors: boolean

  /** Whether it ends by itself and judges what it saw */
  readonly once: boolean

  /** One JSON object a line instead of a table */
  readonly json: boolean

  /** How long `once` runs, in ms */
  readonly duration: number

  /** Where to listen for TCP; 0 is any free port */
  readonly tcpPort: number

  /** Where to listen for WebSocket; 0 is any free port */
  readonly wsPort: number
}

/** Thrown when the command line cannot be understood */
export class ArgumentError extends Error {
  static override name = 'ArgumentError'
  override name = 'ArgumentError'
}

export const HELP = `Starts a guarded node on loopback and shows what becomes of its visitors.

  npm start -- [options]

  --no-visitors    bring no visitors: a node to be dialled from elsewhere
  --once           run for 15 seconds; exit code 0 only if every honest ping was
                   answered, the attackers were seen to be dropped, the greedy
                   one to be refused, and to stay out while a rule shut it out
  --duration <s>   how many seconds --once runs
  --tcp-port <n>   listen for TCP on this port of 127.0.0.1 (default: any)
  --ws-port <n>    the same for WebSocket
  --json           one JSON object a line, for programs
  --help           this text

Keys, in a terminal and without --once: b shuts out the selected visitor (the
greedy one at first), u lets it in again, up and down select another. Elsewhere
lines are read: block <visitor>, unblock <visitor>, help.

Ctrl-C stops the node and its visitors. NO_COLOR=1 switches colours off.
`

const OPTIONS = {
  visitors: { type: 'boolean', default: true },
  once: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
  duration: { type: 'string' },
  'tcp-port': { type: 'string', default: '0' },
  'ws-port': { type: 'string', default: '0' }
} as const

/** In seconds; also the upper bound, a day, keeps timers below what Node can count */
const DURATION = { default: 15, min: 1, max: 86_400 }

/**
 * Reads the command line.
 *
 * @returns what was asked for, or `help`
 * @throws {ArgumentError} that says what was not understood
 */
export function parseArguments (args: readonly string[]): Settings | 'help' {
  const { values } = parse(args)
  if (values.help) return 'help'
  const { visitors, once, json, duration } = values

  if (once && !visitors) throw new ArgumentError('--once judges what becomes of the visitors, so it cannot be combined with --no-visitors')
  if (duration != null && !once) throw new ArgumentError('--duration says how long --once runs, and has no meaning without it')

  const tcpPort = integer('--tcp-port', values['tcp-port'], 0, 65_535)
  const wsPort = integer('--ws-port', values['ws-port'], 0, 65_535)
  if (tcpPort !== 0 && tcpPort === wsPort) throw new ArgumentError(`--tcp-port and --ws-port cannot both be ${tcpPort}`)

  const seconds = duration == null ? DURATION.default : integer('--duration', duration, DURATION.min, DURATION.max)
  return { visitors, once, json, duration: seconds * 1_000, tcpPort, wsPort }
}

// eslint-disable-next-line @typescript-eslint/explicit-function-return-type -- inferred from OPTIONS
function parse (args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowNegative: true, strict: true, allowPositionals: false })
  } catch (err) {
    // the first sentence says what is wrong, the rest is about positional arguments, which there are none of
    const [first] = (err as Error).message.split(/\.\s/)
    throw new ArgumentError(first, { cause: err })
  }
}

function integer (option: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new ArgumentError(`${option} takes a whole number from ${min} to ${max}, got ${JSON.stringify(text)}`)
  }
  return value
}
