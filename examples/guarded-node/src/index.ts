/**
 * @packageDocumentation
 *
 * Starts a guarded node on loopback, sends it honest and hostile visitors, and shows in the terminal what becomes
 * of each. The node itself is in `node.ts`; everything else is there to watch it.
 */

import { ArgumentError, HELP, parseArguments } from './arguments.ts'

/** By convention: 2 for a command line that was not understood */
const USAGE = 2

async function main (args: readonly string[]): Promise<number> {
  const settings = parseArguments(args)
  if (settings === 'help') {
    process.stdout.write(HELP)
    return 0
  }
  // libp2p takes a second to load, which is too long to wait for a word about a misspelt option
  const { run } = await import('./run.ts')
  return run(settings)
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (err) {
  if (!(err instanceof ArgumentError)) throw err
  process.stderr.write(`${err.message}\n\nnpm start -- --help shows what there is.\n`)
  process.exitCode = USAGE
}
