/** One measured row; `bench` is put in front by the report */
export type Row = Readonly<Record<string, unknown>> & { readonly row: string }

/** Where results go: rows to standard output, everything else to standard error */
export interface Report {
  row (row: Row): void

  /** What happens at the moment */
  progress (text: string): void

  /** The rows prove nothing, and why: the benchmark goes on, and exits with 1 */
  invalid (reason: string): void

  /** A target that was not reached; the rows are valid all the same */
  missed (reason: string): void
}

interface Output {
  write (text: string): unknown
}

/** Prints a JSON object a line, or a table at the end */
export class BenchmarkReport implements Report {
  readonly #bench: string
  readonly #json: boolean
  readonly #out: Output
  readonly #notes: Output
  readonly #rows: Row[] = []
  #valid = true

  constructor (bench: string, json: boolean, out: Output = process.stdout, notes: Output = process.stderr) {
    this.#bench = bench
    this.#json = json
    this.#out = out
    this.#notes = notes
  }

  get valid (): boolean {
    return this.#valid
  }

  /** How many rows there are so far */
  get size (): number {
    return this.#rows.length
  }

  row (row: Row): void {
    this.#rows.push(row)

    if (this.#json) {
      this.#out.write(`${JSON.stringify({ bench: this.#bench, ...row }, round)}\n`)
    }
  }

  progress (text: string): void {
    this.#notes.write(`${this.#bench}: ${text}\n`)
  }

  invalid (reason: string): void {
    this.#valid = false
    this.progress(`INVALID: ${reason}`)
  }

  missed (reason: string): void {
    this.progress(`TARGET MISSED: ${reason}`)
  }

  /** Prints the table, where the rows have not been printed yet */
  end (): void {
    if (!this.#json) {
      this.#out.write(`${this.#bench}\n${table(this.#rows)}\n`)
    }
  }
}

/** Four significant digits say all that a benchmark knows */
function round (_key: string, value: unknown): unknown {
  return typeof value === 'number' && Number.isFinite(value) && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value
}

/** Rows as a table; nested values are left to the JSON form */
export function table (rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap(row => Object.keys(row).filter(key => typeof row[key] !== 'object' || row[key] == null)))]
  const lines = [columns, ...rows.map(row => columns.map(column => cell(row[column])))]
  const widths = columns.map((_, i) => Math.max(...lines.map(line => line[i]?.length ?? 0)))

  return lines.map(line => line.map((text, i) => text.padStart(widths[i] ?? 0)).join('  ')).join('\n')
}

function cell (value: unknown): string {
  return value == null ? '-' : String(round('', value))
}
