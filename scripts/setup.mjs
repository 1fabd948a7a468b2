// Prepares the working tree and runs one of the project's commands on the Node that the lockfile names.
// Plain JavaScript without dependencies, because it runs before anything is installed, on Node 18 or newer.
//
//   node scripts/setup.mjs <command> [arguments]
//
// Says what it does on stderr, and nothing at all when there is nothing to do.

import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, linkSync, lstatSync, mkdirSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, delimiter, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const windows = process.platform === 'win32'
const nodeFolder = join(root, 'node_modules/node')
const binary = join(nodeFolder, 'bin', windows ? 'node.exe' : 'node')
const lock = join(root, '.cache/setup.lock')

// Modules are read from their sources inside the repository, see `exports` in any package.json
const SOURCE = '--conditions=@cordon/source'

const COMMANDS = {
  start: args => [SOURCE, 'examples/guarded-node/src/index.ts', ...args],
  test: args => [SOURCE, 'scripts/test.ts', ...args],
  check: args => [SOURCE, 'scripts/check.ts', ...args],
  coverage: args => [SOURCE, 'scripts/coverage.ts', ...args],
  generate: args => [SOURCE, 'scripts/generate.ts', ...args],
  mutate: args => [SOURCE, 'scripts/mutate.ts', ...args],
  'new-package': args => [SOURCE, 'scripts/new-package.ts', ...args],
  bench: args => ['scripts/bench.ts', ...args]
}

/** Lines that help, apart from what the command itself prints */
function say (message) {
  process.stderr.write(`cordon: ${message}\n`)
}

/** Something that the reader has to do, in plain words */
class SetupError extends Error {}

function readLockfile (path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages ?? {}
  } catch {
    return undefined
  }
}

/**
 * Compares what npm says it installed with what the lockfile asks for. Modification times would do, were it not
 * for branches: checking one out touches the lockfile whether or not its content differs from what is installed.
 */
function isInstalled () {
  const wanted = readLockfile(join(root, 'package-lock.json'))
  const installed = readLockfile(join(root, 'node_modules/.package-lock.json'))
  if (wanted == null) throw new SetupError('package-lock.json is missing or cannot be read: restore it with `git checkout package-lock.json`')
  if (installed == null) return false
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '' || !path.includes('node_modules/')) return true
    const found = installed[path]
    if (found == null) return entry.optional === true || entry.devOptional === true
    return found.version === entry.version && found.integrity === entry.integrity && found.resolved === (entry.link === true ? entry.resolved : found.resolved)
  })
}

/** The npm that started this script, or the one in PATH */
function npm (args, options = {}) {
  const own = process.env.npm_execpath
  const [file, first] = own != null && /^npm-cli\./.test(basename(own)) ? [process.execPath, [own]] : [windows ? 'npm.cmd' : 'npm', []]
  return run(file, [...first, ...args], {
    cwd: root,
    shell: windows && first.length === 0,
    // Its progress goes to stderr; warnings about engines are left out because the packages run on the Node that
    // is being installed and not on this one
    stdio: ['ignore', process.stderr.fd ?? 2, process.stderr.fd ?? 2],
    ...options,
    env: { ...process.env, npm_config_loglevel: 'error', npm_config_engine_strict: 'false', npm_config_audit: 'false', npm_config_fund: 'false', ...options.env }
  })
}

let child

/** Runs to the end; signals that arrive meanwhile end the child, which then ends this process */
function run (file, args, options) {
  return new Promise((resolve, reject) => {
    child = spawn(file, args, options)
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      child = undefined
      resolve({ code, signal })
    })
  })
}

async function install () {
  const first = !existsSync(join(root, 'node_modules'))
  say(first ? 'installing what package-lock.json names; the first time this takes about a minute' : 'package-lock.json has changed, or the last install did not finish: installing what it names')
  const begin = Date.now()
  const heartbeat = setInterval(() => { say(`still installing (${Math.round((Date.now() - begin) / 1000)} s)`) }, 15_000)
  try {
    const { code, signal } = await npm(['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund'])
    if (code !== 0) throw new SetupError(`npm ci ended with ${signal ?? `exit code ${code}`}: its own words are above. Nothing was run.`)
  } finally {
    clearInterval(heartbeat)
  }
  say(`installed in ${Math.round((Date.now() - begin) / 1000)} s`)
}

/** The version of the Node that was installed, or undefined where it does not run */
function installedNode () {
  if (!existsSync(binary)) return undefined
  const { status, stdout } = spawnSync(binary, ['--version'], { encoding: 'utf8' })
  return status === 0 ? stdout.trim().replace(/^v/, '') : undefined
}

function wantedNode () {
  const version = readLockfile(join(root, 'package-lock.json'))?.['node_modules/node']?.version
  if (version == null) throw new SetupError('package-lock.json does not name a version of the package `node`')
  return version
}

/**
 * The package `node` is a shell: its install script fetches the package with the binary of this platform. Where
 * install scripts are switched off, that package is fetched here; it has no script of its own.
 */
async function repairNode (version) {
  const platform = windows ? 'win' : process.platform
  const arch = windows && process.arch === 'ia32' ? 'x86' : process.arch
  const name = `${process.platform === 'darwin' && arch === 'arm64' ? 'node-bin' : 'node'}-${platform}-${arch}`
  say(`Node ${version} did not come with the packages (are install scripts switched off?), fetching ${name}`)
  const folder = join(root, '.cache/node')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  const { code, signal } = await npm(['install', '--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${version}`], { cwd: folder })
  const fetched = join(folder, 'node_modules', name, 'bin', basename(binary))
  if (code !== 0 || !existsSync(fetched)) {
    throw new SetupError(`Node ${version} could not be fetched (${signal ?? `exit code ${code}`}). Either allow the install script of the package \`node\` and run \`npm rebuild node\`, or see whether the package ${name}@${version} can be had from your registry.`)
  }
  place(fetched)
  rmSync(folder, { recursive: true, force: true })
}

/** In one step, so that whoever runs the binary meanwhile sees the old one or the new one */
function place (fetched) {
  mkdirSync(dirname(binary), { recursive: true })
  const temporary = `${binary}.${process.pid}`
  try {
    linkSync(fetched, temporary)
  } catch {
    copyFileSync(fetched, temporary)
  }
  chmodSync(temporary, 0o755)
  renameSync(temporary, binary)
}

/** npm makes this link only for a binary that exists at the time */
function linkBinary () {
  if (windows) return
  const link = join(root, 'node_modules/.bin/node')
  const target = '../node/bin/node'
  if (lstatSync(link, { throwIfNoEntry: false }) != null && readlinkSync(link) === target) return
  rmSync(link, { force: true })
  mkdirSync(dirname(link), { recursive: true })
  symlinkSync(target, link)
}

function isReady () {
  return isInstalled() && installedNode() === wantedNode() && (windows || existsSync(join(root, 'node_modules/.bin/node')))
}

function isAlive (pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (err) {
    return err.code === 'EPERM'
  }
}

/** One at a time: whoever comes second waits, then finds the work done. A lock whose owner has died is taken over. */
async function withLock (task) {
  mkdirSync(dirname(lock), { recursive: true })
  const own = `${lock}.${process.pid}`
  writeFileSync(own, String(process.pid))
  let told = false
  try {
    for (;;) {
      try {
        linkSync(own, lock)
        break
      } catch (err) {
        if (err.code !== 'EEXIST') throw err
      }
      const owner = lockOwner()
      if (owner != null && !isAlive(owner)) {
        takeOver(owner)
        continue
      }
      if (!told) say(`another command is installing (process ${owner ?? 'unknown'}), waiting for it`)
      told = true
      await delay(200)
    }
    try {
      return await task()
    } finally {
      rmSync(lock, { force: true })
    }
  } finally {
    rmSync(own, { force: true })
  }
}

function lockOwner () {
  try {
    const pid = Number.parseInt(readFileSync(lock, 'utf8'), 10)
    return Number.isNaN(pid) ? undefined : pid
  } catch {
    return undefined
  }
}

/** Only one of several that see the same dead owner can move its file away; a live owner's lock is put back */
function takeOver (dead) {
  const aside = `${lock}.dead.${process.pid}`
  try {
    renameSync(lock, aside)
  } catch {
    return
  }
  const moved = Number.parseInt(readFileSync(aside, 'utf8'), 10)
  if (moved !== dead) {
    try {
      linkSync(aside, lock)
    } catch { /* a third process has taken the lock in between, so it cannot be put back; its owner holds it no more */ }
  }
  rmSync(aside, { force: true })
  rmSync(`${lock}.${dead}`, { force: true })
}

async function prepare () {
  if (!isInstalled()) await install()
  const version = wantedNode()
  if (installedNode() !== version) await repairNode(version)
  if (installedNode() !== version) throw new SetupError(`${binary} does not run on this machine. Remove node_modules and try again; if that does not help, the package \`node\` has no build for ${process.platform} ${process.arch}.`)
  linkBinary()
}

async function main ([name, ...args]) {
  const command = Object.hasOwn(COMMANDS, name ?? '') ? COMMANDS[name] : undefined
  if (command == null) throw new SetupError(`unknown command ${name ?? ''}: one of ${Object.keys(COMMANDS).join(', ')}`)
  if (!isReady()) await withLock(prepare)
  if (interrupted != null) return { code: null, signal: interrupted }
  const argv = command(args)
  const script = argv.find(argument => !argument.startsWith('-'))
  if (script == null || !existsSync(join(root, script))) throw new SetupError(`${script ?? 'a file to run'} does not exist`)
  return await run(binary, argv, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter), npm_node_execpath: binary, NODE: binary }
  })
}

let interrupted

// Ctrl-C in a terminal reaches the whole process group, so the child has it already; passing it on would be a
// second one, which many programs take for "at once". Everywhere else the signal came to this process alone.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    interrupted ??= signal
    if (signal === 'SIGINT' && process.stdin.isTTY === true) return
    child?.kill(signal)
  })
}

// npm starts this script through a shell, and a shell that is told to end does not tell its children. When it has
// gone, nobody is left to wait for an answer: the child is ended too.
const parent = process.ppid
setInterval(() => {
  if (process.ppid === parent) return
  interrupted ??= 'SIGTERM'
  child?.kill('SIGTERM')
}, 250).unref()

try {
  const { code, signal } = await main(process.argv.slice(2))
  if (signal == null) {
    process.exitCode = code ?? 1
  } else {
    for (const each of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(each)
    process.kill(process.pid, signal)
  }
} catch (err) {
  if (!(err instanceof SetupError)) throw err
  say(err.message)
  process.exitCode = interrupted == null ? 1 : 130
}
