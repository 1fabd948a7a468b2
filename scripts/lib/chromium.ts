import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './workspace.ts'

/** What was found: the path of a Chromium that can be started, or why there is none */
export type Chromium = { readonly path: string, readonly reason?: undefined } | { readonly path?: undefined, readonly reason: string }

const EXTRACT = 'import chromium from "@sparticuz/chromium"; await chromium.executablePath()'

/**
 * The Chromium that ships inside `@sparticuz/chromium`, unpacked once into `node_modules/.cache`. The package
 * itself unpacks to a fixed name in the temporary folder and takes a half-written file for a finished one, so it
 * is given a folder of its own, which then takes its final name in one step.
 */
export function findChromium (): Chromium {
  const fromUser = process.env['CHROMIUM_PATH']
  if (fromUser != null && fromUser !== '') return existsSync(fromUser) ? { path: fromUser } : { reason: `CHROMIUM_PATH names ${fromUser}, which does not exist` }
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { reason: `the Chromium from npm runs on linux x64, this is ${process.platform} ${process.arch}; set CHROMIUM_PATH to use another one` }
  }
  try {
    return { path: unpack() }
  } catch (err) {
    return { reason: `the Chromium from npm could not be unpacked: ${err instanceof Error ? err.message : String(err)}` }
  }
}

function unpack (): string {
  const manifest = JSON.parse(readFileSync(join(root, 'node_modules/@sparticuz/chromium/package.json'), 'utf8')) as { version: string }
  const cache = join(root, 'node_modules/.cache')
  const folder = join(cache, `chromium-${manifest.version}`)
  const path = join(folder, 'chromium')
  if (!existsSync(path)) {
    mkdirSync(cache, { recursive: true })
    const temporary = mkdtempSync(join(cache, 'chromium-'))
    const done = spawnSync(process.execPath, ['--input-type=module', '--eval', EXTRACT], {
      cwd: root,
      env: { ...process.env, TMPDIR: temporary, NODE_OPTIONS: '' },
      encoding: 'utf8',
      timeout: 120_000
    })
    if (done.status !== 0) {
      rmSync(temporary, { recursive: true, force: true })
      throw new Error(done.stderr.trim() === '' ? `exit code ${done.status ?? done.signal ?? 'unknown'}` : done.stderr.trim())
    }
    publish(temporary, folder)
  }
  accessSync(path, constants.X_OK)
  return path
}

/** Another run may have been faster: its folder is as good */
function publish (temporary: string, folder: string): void {
  try {
    renameSync(temporary, folder)
  } catch (err) {
    rmSync(temporary, { recursive: true, force: true })
    if (!existsSync(folder)) throw err
  }
}
