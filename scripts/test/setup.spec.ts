import { spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '../lib/workspace.ts'
import { folderWith } from './fixture.ts'

const VERSION = process.version.slice(1)
const LOCK = JSON.stringify({ packages: { '': {}, 'node_modules/node': { version: VERSION, integrity: 'x' }, 'node_modules/other': { version: '1.0.0', optional: true } } })
const INSTALLED = JSON.stringify({ packages: { 'node_modules/node': { version: VERSION, integrity: 'x' } } })

// Does what npm would: `ci` installs what the lockfile names, `install` fetches the package with the binary. Notes each call.
const NPM = `
import { appendFileSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
const [verb, ...args] = process.argv.slice(2)
appendFileSync(process.env.CALLS, verb + '\\n')
await new Promise(resolve => setTimeout(resolve, 100))
if (process.env.NPM_FAILS === verb) { console.error('npm error: the registry is out of reach'); process.exit(1) }
const binary = folder => { mkdirSync(folder, { recursive: true }); symlinkSync(process.env.REAL_NODE, join(folder, 'node')) }
if (verb === 'ci') {
  mkdirSync('node_modules/.bin', { recursive: true })
  if (process.env.SCRIPTS_OFF == null) { binary('node_modules/node/bin'); symlinkSync('../node/bin/node', 'node_modules/.bin/node') }
  writeFileSync('node_modules/.package-lock.json', process.env.INSTALLED)
} else {
  binary(join('node_modules', args.at(-1).split('@')[0], 'bin'))
}
`

const COMMAND = `
if (process.argv.includes('--exit')) process.exitCode = 7
if (process.argv.includes('--wait')) {
  process.on('SIGTERM', () => { console.log('ending'); clearInterval(timer) })
  const timer = setInterval(() => {}, 1_000)
}
// last: it says that signals may come
console.log(JSON.stringify({ args: process.argv.slice(2), path: process.env.PATH.split(':')[0], node: process.execPath }))
`

interface Outcome {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

/** A project in which nothing has been installed yet */
class Project {
  readonly top: string

  constructor () {
    this.top = folderWith({ 'package-lock.json': LOCK, 'npm-cli.mjs': NPM, 'scripts/test.ts': COMMAND, calls: '' })
    copyFileSync(join(root, 'scripts/setup.mjs'), join(this.top, 'scripts/setup.mjs'))
  }

  /** Starts `npm test` as npm would; `ready` resolves at the first output of the command */
  start (args: readonly string[] = [], env: Record<string, string> = {}, shell = false): { kill (signal: NodeJS.Signals): void, ready: Promise<void>, ended: Promise<Outcome> } {
    const all = ['scripts/setup.mjs', 'test', ...args]
    const [file, argv] = shell ? ['sh', ['-c', `${process.execPath} ${all.join(' ')}; true`]] : [process.execPath, all]
    const child = spawn(file, argv, {
      cwd: this.top,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], npm_execpath: join(this.top, 'npm-cli.mjs'), CALLS: join(this.top, 'calls'), REAL_NODE: process.execPath, INSTALLED, ...env }
    })
    let stdout = ''
    let stderr = ''
    const ready = new Promise<void>(resolve => {
      child.stdout.on('data', (chunk: Buffer) => {
        stdout += chunk.toString()
        resolve()
      })
    })
    child.stderr.on('data', (chunk: Buffer) => { stderr += chunk.toString() })
    const ended = new Promise<Outcome>(resolve => {
      // not before everything that holds the pipes has ended: what was left behind would show as a test that hangs
      child.once('close', (code, signal) => { resolve({ code, signal, stdout, stderr }) })
    })
    return { kill: signal => { child.kill(signal) }, ready, ended }
  }

  async run (args: readonly string[] = [], env: Record<string, string> = {}): Promise<Outcome> {
    return this.start(args, env).ended
  }

  /** What npm was called for, so far */
  calls (): string[] {
    return readFileSync(join(this.top, 'calls'), 'utf8').split('\n').filter(line => line !== '')
  }
}

async function installed (): Promise<Project> {
  const project = new Project()
  await project.run()
  return project
}

describe('setup', () => {
  it('installs what is missing, says so on stderr, and runs the command on the Node that came with it', async () => {
    const project = new Project()
    const { code, stdout, stderr } = await project.run(['packages/x', '--flag'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ args: ['packages/x', '--flag'], path: join(project.top, 'node_modules/.bin') })
    expect(stderr).toMatch(/installing what package-lock\.json names/)
    expect(project.calls()).toEqual(['ci'])
  })

  it('says and does nothing when there is nothing to do', async () => {
    const project = await installed()
    expect(await project.run()).toMatchObject({ code: 0, stderr: '' })
    expect(project.calls()).toEqual(['ci'])
  })

  it('installs again when the lockfile names something else', async () => {
    const project = await installed()
    writeFileSync(join(project.top, 'node_modules/.package-lock.json'), INSTALLED.replace('"x"', '"y"'))
    rmSync(join(project.top, 'node_modules/node'), { recursive: true })
    rmSync(join(project.top, 'node_modules/.bin'), { recursive: true })
    expect((await project.run()).stderr).toMatch(/package-lock\.json has changed/)
    expect(project.calls()).toEqual(['ci', 'ci'])
  })

  it('fetches Node itself when install scripts are off', async () => {
    const project = new Project()
    const { code, stderr } = await project.run([], { SCRIPTS_OFF: 'true' })
    expect(code).toBe(0)
    expect(stderr).toMatch(/are install scripts switched off\?/)
    expect(project.calls()).toEqual(['ci', 'install'])
    expect(existsSync(join(project.top, 'node_modules/.bin/node'))).toBe(true)
    expect(await project.run()).toMatchObject({ code: 0, stderr: '' })
  })

  it.each([['ci', {}], ['install', { SCRIPTS_OFF: 'true' }]])('runs nothing and explains when npm %s fails', async (verb, env) => {
    const { code, stdout, stderr } = await new Project().run([], { NPM_FAILS: verb, ...env })
    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toContain('the registry is out of reach')
    expect(stderr).not.toContain('    at ')
  })

  it('installs once for two that start at once', async () => {
    const project = new Project()
    const outcomes = await Promise.all([project.run(), project.run(), project.run()])
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0])
    expect(project.calls()).toEqual(['ci'])
  })

  it('takes over from one that died while it installed', async () => {
    const project = new Project()
    const dead = spawn(process.execPath, ['--version'])
    await new Promise(resolve => dead.once('close', resolve))
    mkdirSync(join(project.top, '.cache'))
    writeFileSync(join(project.top, '.cache/setup.lock'), String(dead.pid))
    expect(await project.run()).toMatchObject({ code: 0 })
    expect(existsSync(join(project.top, '.cache/setup.lock'))).toBe(false)
  })

  it('ends with the exit code of the command', async () => {
    expect(await (await installed()).run(['--exit'])).toMatchObject({ code: 7 })
  })

  it('passes a signal on and waits for the command to end', async () => {
    const running = (await installed()).start(['--wait'])
    await running.ready
    running.kill('SIGTERM')
    expect((await running.ended).stdout).toMatch(/ending\n$/)
  })

  it('ends the command when the shell that npm started has been ended', async () => {
    const running = (await installed()).start(['--wait'], {}, true)
    await running.ready
    running.kill('SIGTERM')
    expect((await running.ended).stdout).toMatch(/ending\n$/)
  })

  it('names the commands that there are', async () => {
    const project = await installed()
    const child = spawn(process.execPath, ['scripts/setup.mjs', 'constructor'], { cwd: project.top, stdio: ['ignore', 'ignore', 'pipe'] })
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => { stderr += chunk.toString() })
    expect(await new Promise(resolve => child.once('close', resolve))).toBe(1)
    expect(stderr).toMatch(/unknown command constructor: one of start, test, check/)
  })
})
