// Makes a package pair that passes the check as it stands:
//
//   npm run new-package -- rate-limit

import { newPackage } from './lib/new-package.ts'
import { run, runNode } from './lib/run.ts'
import { root } from './lib/workspace.ts'

const [name = '', ...rest] = process.argv.slice(2)

async function main (): Promise<void> {
  for (const path of newPackage(name, root)) console.log(`wrote ${path}`)
  console.log('linking the packages')
  const link = await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { show: true })
  if (link.code !== 0) throw new Error('npm install failed: its words are above')
  const generate = await runNode(['scripts/generate.ts'], { show: true })
  if (generate.code !== 0) throw new Error('npm run generate failed: its words are above')
  console.log(`\nNext: write what packages/interface-${name} promises, then the suite, then packages/${name}. Each new dependency needs a line in docs/dependencies.md.`)
}

if (name === '' || rest.length > 0) {
  console.error('which package? npm run new-package -- <name>, in kebab case')
  process.exitCode = 2
} else {
  try {
    await main()
  } catch (err) {
    console.error(err instanceof Error ? err.message : err)
    process.exitCode = 1
  }
}
