import { describe, expect, it } from 'vitest'
import { ArgumentError, HELP, parseArguments } from '../src/arguments.ts'

const DEFAULTS = { visitors: true, once: false, json: false, duration: 15_000, tcpPort: 0, wsPort: 0 }

describe('the command line', () => {
  it.each([
    [[], DEFAULTS],
    [['--once'], { ...DEFAULTS, once: true }],
    [['--once', '--duration', '3'], { ...DEFAULTS, once: true, duration: 3_000 }],
    [['--no-visitors', '--json'], { ...DEFAULTS, visitors: false, json: true }],
    [['--tcp-port', '4001', '--ws-port=4002'], { ...DEFAULTS, tcpPort: 4_001, wsPort: 4_002 }],
    [['--help'], 'help']
  ])('understands %j', (args, settings) => {
    expect(parseArguments(args)).toEqual(settings)
  })

  it.each([
    [['--visitor'], "Unknown option '--visitor'"],
    [['-x'], "Unknown option '-x'"],
    [['4001'], "Unexpected argument '4001'"],
    [['--once=yes'], "Option '--once' does not take an argument"],
    [['--tcp-port'], "Option '--tcp-port <value>' argument missing"],
    [['--tcp-port', '-1'], "Option '--tcp-port' argument is ambiguous"],
    [['--tcp-port=-1'], '--tcp-port takes a whole number from 0 to 65535, got "-1"'],
    [['--ws-port', '65536'], '--ws-port takes a whole number from 0 to 65535, got "65536"'],
    [['--ws-port', ''], '--ws-port takes a whole number from 0 to 65535, got ""'],
    [['--ws-port', '1e3'], '--ws-port takes a whole number from 0 to 65535, got "1e3"'],
    [['--ws-port', '\x1b[2J'], '--ws-port takes a whole number from 0 to 65535, got "\\u001b[2J"'],
    [['--tcp-port', '4001', '--ws-port', '4001'], '--tcp-port and --ws-port cannot both be 4001'],
    [['--once', '--duration', '0'], '--duration takes a whole number from 1 to 86400, got "0"'],
    [['--once', '--duration', '1.5'], '--duration takes a whole number from 1 to 86400, got "1.5"'],
    [['--duration', '3'], '--duration says how long --once runs, and has no meaning without it'],
    [['--once', '--no-visitors'], '--once judges what becomes of the visitors, so it cannot be combined with --no-visitors']
  ])('says what is wrong with %j', (args, message) => {
    expect(() => parseArguments(args)).toThrow(new ArgumentError(message))
  })

  it('names every option in its help', () => {
    for (const option of ['--no-visitors', '--once', '--duration', '--tcp-port', '--ws-port', '--json', '--help']) {
      expect(HELP).toContain(`  ${option} `)
    }
  })

  it('has a help that fits in 80 columns', () => {
    expect(Math.max(...HELP.split('\n').map(line => line.length))).toBeLessThanOrEqual(80)
  })
})
