import { describe, expect, it } from 'vitest'
import { describeStage, runStage, runStages } from '../lib/stages.ts'
import type { Runner, Stage, StageResult } from '../lib/stages.ts'

const stage = (name: string, more: Partial<Stage> = {}): Stage => ({ name, args: [], ...more })

const result = (name: string, state: StageResult['state']): StageResult => ({ name, state, ms: 0, output: '' })

/** Stages whose name begins with "bad" fail; says how many ran side by side at most */
function fake (): { run: Runner, width (): number } {
  let running = 0
  let width = 0
  return {
    run: async ({ name }) => {
      width = Math.max(width, ++running)
      await Promise.resolve()
      running--
      return result(name, name.startsWith('bad') ? 'failed' : 'passed')
    },
    width: () => width
  }
}

const states = (results: readonly StageResult[]): Record<string, string> => Object.fromEntries(results.map(({ name, state }) => [name, state]))

describe('the stages of the check', () => {
  it('all run, although some fail', async () => {
    const { run } = fake()
    expect(states(await runStages(stage('build'), [stage('bad'), stage('good'), stage('bad2')], () => {}, run, 1)))
      .toEqual({ build: 'passed', bad: 'failed', good: 'passed', bad2: 'failed' })
  })

  it('are left out where they need a build that failed', async () => {
    const { run } = fake()
    expect(states(await runStages(stage('bad build'), [stage('lint'), stage('size', { afterBuild: true })], () => {}, run, 1)))
      .toEqual({ 'bad build': 'failed', lint: 'passed', size: 'left out' })
  })

  it('run side by side, but not those that want to be alone', async () => {
    const many = fake()
    await runStages(stage('build'), ['a', 'b', 'c', 'd'].map(name => stage(name)), () => {}, many.run, 3)
    expect(many.width()).toBe(3)
    const alone = fake()
    await runStages(stage('build'), ['a', 'b', 'c', 'd'].map(name => stage(name, { alone: true })), () => {}, alone.run, 3)
    expect(alone.width()).toBe(1)
  })

  it('are told of one by one, the build first', async () => {
    const told: string[] = []
    await runStages(stage('build'), [stage('a'), stage('b', { alone: true })], ({ name }) => { told.push(name) }, fake().run, 2)
    expect(told).toEqual(['build', 'a', 'b'])
  })

  it('pass or fail by the exit code of their program, and keep what it says', async () => {
    expect(await runStage(stage('x', { args: ['--eval', 'console.log("said"); process.exitCode = 3'] }))).toMatchObject({ state: 'failed', output: 'said\n' })
    expect(await runStage(stage('x', { args: ['--eval', ''] }))).toMatchObject({ state: 'passed', output: '' })
    expect(await runStage(stage('x', { args: ['--eval', 'process.kill(process.pid, "SIGKILL")'] }))).toMatchObject({ state: 'failed' })
  })

  it('end in a line each', () => {
    expect(describeStage({ name: 'lint', state: 'failed', ms: 1_234, output: '' })).toBe('✗ lint         failed       1.2 s')
  })
})
