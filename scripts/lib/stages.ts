import { availableParallelism } from 'node:os'
import { isInterrupted, runNode, seconds } from './run.ts'

/** One gate: a program that ends with 0 if all is well */
export interface Stage {
  readonly name: string
  /** For Node */
  readonly args: readonly string[]
  /** It reads what the build writes, so it waits for the build and is left out if that failed */
  readonly afterBuild?: boolean
  /** Nothing else runs meanwhile: it measures, or it already uses every core */
  readonly alone?: boolean
  /** Show what it writes at once instead of only when it fails */
  readonly show?: boolean
}

export interface StageResult {
  readonly name: string
  readonly state: 'passed' | 'failed' | 'left out'
  readonly ms: number
  readonly output: string
}

/** Runs one stage */
export type Runner = (stage: Stage) => Promise<StageResult>

export async function runStage (stage: Stage): Promise<StageResult> {
  const begin = performance.now()
  const { code, output } = await runNode(stage.args, { show: stage.show ?? false })
  return { name: stage.name, state: code === 0 ? 'passed' : 'failed', ms: performance.now() - begin, output }
}

/**
 * Runs every stage, however many fail: first `build`, then as many side by side as there are cores, then those that
 * want to be alone. `done` hears of each at its end.
 */
export async function runStages (build: Stage, others: readonly Stage[], done: (result: StageResult) => void, runner: Runner = runStage, width: number = availableParallelism()): Promise<StageResult[]> {
  const results: StageResult[] = []
  const finish = (result: StageResult): void => {
    results.push(result)
    done(result)
  }
  const built = await runner(build)
  finish(built)
  const perform = async (stage: Stage): Promise<void> => {
    const leaveOut = isInterrupted() || (stage.afterBuild === true && built.state !== 'passed')
    finish(leaveOut ? { name: stage.name, state: 'left out', ms: 0, output: '' } : await runner(stage))
  }
  const queue = others.filter(({ alone }) => alone !== true)
  const worker = async (): Promise<void> => {
    for (let stage = queue.shift(); stage != null; stage = queue.shift()) await perform(stage)
  }
  await Promise.all(Array.from({ length: width }, worker))
  for (const stage of others.filter(({ alone }) => alone === true)) await perform(stage)
  return results
}

/** The line that says how a stage ended */
export function describeStage ({ name, state, ms }: StageResult): string {
  return `${state === 'passed' ? '✓' : '✗'} ${name.padEnd(12)} ${state.padEnd(9)} ${seconds(ms).padStart(8)}`
}
