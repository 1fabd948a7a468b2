import { monitorEventLoopDelay } from 'node:perf_hooks'

/** How often memory is looked at, in ms */
const SAMPLE_INTERVAL = 50

/** What a process used since its meter was started */
export interface MeterReading {
  /** CPU time of the whole process, in µs */
  readonly cpuMicros: number

  readonly seconds: number

  /** The resident set when the meter was started, in MB */
  readonly rssStartMb: number

  /** The largest resident set that was seen, in MB */
  readonly rssPeakMb: number

  readonly rssEndMb: number

  /** The longest that the event loop was held up, in ms; the timer itself takes part of a 10 ms tick */
  readonly loopMaxMs: number

  /** The 99th percentile of the same */
  readonly loopP99Ms: number
}

/** Measures the process that it runs in */
export class Meter {
  readonly #delay = monitorEventLoopDelay({ resolution: 10 })
  #timer?: NodeJS.Timeout
  #cpu = process.cpuUsage()
  #startedAt = 0
  #rssStart = 0
  #rssPeak = 0

  start (): void {
    clearInterval(this.#timer)
    this.#rssStart = this.#rssPeak = process.memoryUsage.rss()
    this.#timer = setInterval(() => { this.#sample() }, SAMPLE_INTERVAL)
    this.#timer.unref()
    this.#delay.reset()
    this.#delay.enable()
    this.#startedAt = performance.now()
    this.#cpu = process.cpuUsage()
  }

  stop (): MeterReading {
    const cpu = process.cpuUsage(this.#cpu)
    const seconds = (performance.now() - this.#startedAt) / 1_000

    this.#sample()
    clearInterval(this.#timer)
    this.#delay.disable()

    return {
      cpuMicros: cpu.user + cpu.system,
      seconds,
      rssStartMb: megabytes(this.#rssStart),
      rssPeakMb: megabytes(this.#rssPeak),
      rssEndMb: megabytes(process.memoryUsage.rss()),
      loopMaxMs: this.#delay.max / 1e6,
      loopP99Ms: this.#delay.percentile(99) / 1e6
    }
  }

  #sample (): void {
    this.#rssPeak = Math.max(this.#rssPeak, process.memoryUsage.rss())
  }
}

function megabytes (bytes: number): number {
  return bytes / 1e6
}
