/** In per cent, for each package */
export const LIMITS = { lines: 95, branches: 90 } as const

interface Share {
  readonly total: number
  readonly covered: number
}

/** The part of istanbul's json-summary that is looked at: by absolute path of a file */
export type Summary = Readonly<Record<string, { readonly lines: Share, readonly branches: Share }>>

export interface Coverage {
  readonly name: string
  /** In per cent */
  readonly lines: number
  /** In per cent */
  readonly branches: number
}

/** How much of the sources below a folder is covered; where there is nothing to cover, all of it is */
export function coverageOf (name: string, folder: string, summary: Summary): Coverage {
  const files = Object.entries(summary).filter(([path]) => path.startsWith(`${folder}/src/`)).map(([, file]) => file)
  return { name, lines: share(files.map(({ lines }) => lines)), branches: share(files.map(({ branches }) => branches)) }
}

function share (parts: readonly Share[]): number {
  const total = parts.reduce((sum, part) => sum + part.total, 0)
  return total === 0 ? 100 : 100 * parts.reduce((sum, part) => sum + part.covered, 0) / total
}

/** One sentence for each floor that a package is below */
export function missed ({ name, ...coverage }: Coverage): string[] {
  return (['lines', 'branches'] as const).filter(what => coverage[what] < LIMITS[what])
    .map(what => `packages/${name}: ${coverage[what].toFixed(1)} % of the ${what} are covered, ${LIMITS[what]} % have to be`)
}
