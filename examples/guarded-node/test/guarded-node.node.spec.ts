import { afterEach, describe, expect, it } from 'vitest'
import { spawnExample } from './spawned.ts'
import type { Spawned } from './spawned.ts'

/** In ms */
const STOPS_WITHIN = 2_000

describe('the example', () => {
  const spawned: Spawned[] = []

  function start (...args: string[]): Spawned {
    const example = spawnExample(...args)
    spawned.push(example)
    return example
  }

  afterEach(async () => {
    for (const example of spawned.splice(0)) {
      example.child.kill('SIGKILL')
      await example.exit
    }
  })

  it('serves its honest visitors while it drops the others, and says so', async () => {
    const example = start('--once', '--duration', '6')
    const { code, output, errors } = await example.exit
    expect(errors).toBe('')
    expect(output).toMatch(/^listening on \/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/\w+\nlistening on \/ip4\/127\.0\.0\.1\/tcp\/\d+\/ws\/p2p\/\w+\n/)
    expect(output).toMatch(/^ {2}\S+ was dropped: it held 32 of 32 handshakes of its group/m)
    expect(output).toMatch(/^ {2}\S+ was dropped: it did not prove who it is within 3 s/m)
    expect(output).toMatch(/^ {2}\S+ was dropped: its handshake failed/m)
    expect(output).toMatch(/^ {2}\S+ was refused: its peer held 8 of 8 inbound connections/m)
    expect(output).toMatch(/^> \S+ greedy is shut out: its (?:\d+ connections were|connection was) cut$/m)
    expect(output).toMatch(/^ {2}\S+ was refused: a rule shuts it out/m)
    expect(output).toMatch(/^> \S+ greedy may come again$/m)
    expect(output).toMatch(/ \| \d+ of \d+ connections in, \d+ of \d+ streams in, [1-9]\d* over a limit \| /)
    expect(output).toMatch(/\nall \d+ honest pings were answered, while \d+ hostile connections were dropped, [1-9]\d* greedy requests refused, and \S+ greedy shut out \([1-9]\d* attempts\) and let in again$/)
    expect(code).toBe(0)
    expect(example.isAlive()).toBe(false)
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('ends within 2 s of %s, in the middle of the attack, with nothing left running', async (signal) => {
    const example = start()
    await example.line(/32 handshaking/)
    expect(example.isAlive()).toBe(true)
    const begin = performance.now()
    example.child.kill(signal)
    const { code, errors } = await example.exit
    expect(performance.now() - begin).toBeLessThan(STOPS_WITHIN)
    expect(errors).toBe('')
    expect(code).toBe(0)
    expect(example.isAlive()).toBe(false)
  })

  it('shuts out and lets in again whom it is told to, and says what it cannot do', async () => {
    const example = start('--json')
    await example.line(/"pings":\{"ok":[1-9]/)
    example.type('block honest\nblock 300.1.1.1\nbann greedy\nblock greedy\n')
    const answers = [await example.line(/"answer"/), await example.line(/"answer"/), await example.line(/"answer"/), await example.line(/"answer"/)].map(line => JSON.parse(line) as { ok: boolean, text: string })
    expect(answers).toMatchObject([
      { ok: false, text: expect.stringMatching(/^there are 5 called honest: name one of /) as string },
      { ok: false, text: expect.stringContaining('300.1.1.1') as string },
      { ok: false, text: 'there is no command "bann": block <visitor>, unblock <visitor>, help' },
      { ok: true, text: expect.stringMatching(/ is shut out: /) as string }
    ])
    // it comes again each second, and is turned away
    await example.line(/"shutOut":\[\{[^}]*"(?:refused|early)":[1-9]/)
    example.type('unblock greedy\n')
    expect(await example.line(/"answer"/)).toContain('may come again')
    await example.line(/greedy","connections":\{"used":[1-9].*"shutOut":\[\]/)
    example.child.kill('SIGINT')
    const { code, errors } = await example.exit
    expect(errors).toBe('')
    expect(code).toBe(0)
  })

  it('goes on where nothing can be read', async () => {
    const example = start('--no-visitors')
    await example.line(/handshaking/)
    example.child.stdin?.end()
    await example.line(/handshaking/)
    example.child.kill('SIGINT')
    const { code, errors } = await example.exit
    expect(errors).toBe('')
    expect(code).toBe(0)
  })

  it('ends when the process that started it is gone', async () => {
    const example = start()
    await example.line(/pings, p50/)
    example.child.disconnect()
    const { code, errors } = await example.exit
    expect(errors).toBe('')
    expect(code).toBe(0)
  })

  it('ends when nobody reads what it says', async () => {
    const example = start('--no-visitors', '--json')
    await example.line(/listening/)
    example.child.stdout?.destroy()
    const { code, errors } = await example.exit
    expect(errors).toBe('')
    expect(code).toBe(0)
  })

  it('proves nothing when it is stopped before its time is up', async () => {
    const example = start('--once')
    await example.line(/handshaking/)
    example.child.kill('SIGINT')
    const { code, errors } = await example.exit
    expect(code).toBe(130)
    expect(errors).toBe('stopped before the time was up, so nothing is proven\n')
  })

  it('says which port is taken and what to do', async () => {
    const first = start('--no-visitors', '--json')
    const { multiaddrs } = JSON.parse(await first.line(/listening/)) as { multiaddrs: string[] }
    const port = String(/\/tcp\/(\d+)\/ws/.exec(multiaddrs.join())?.[1])
    const { code, errors, output } = await start('--no-visitors', '--tcp-port', port).exit
    expect(errors).toBe(`port ${port} of 127.0.0.1 is in use already: choose another with --tcp-port, or leave it out for any free one\n`)
    expect(output).toBe('')
    expect(code).toBe(1)
  })

  it('says what it did not understand, with exit code 2', async () => {
    const { code, errors } = await start('--tcp-port', 'seven').exit
    expect(errors).toBe('--tcp-port takes a whole number from 0 to 65535, got "seven"\n\nnpm start -- --help shows what there is.\n')
    expect(code).toBe(2)
  })

  it('explains itself', async () => {
    const { code, output } = await start('--help').exit
    expect(output).toContain('--no-visitors')
    expect(code).toBe(0)
  })
})
