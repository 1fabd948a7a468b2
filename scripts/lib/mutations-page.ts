import { MAX_SURVIVORS, MUTANTS } from './mutants.ts'
import { sourceOf } from './mutation.ts'

export const MUTATIONS_PAGE = 'docs/resource-manager-mutations.md'

const NOBODY = '**nothing**'

function cell (text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

/** Who finds which bug according to a page that was written before; a bug that nothing finds has no killer */
export function killersOn (page: string): Map<string, string | undefined> {
  const rows = page.split('\n').map(line => /^\| ([a-z-]+) \|.* \| ((?:[^|]|\\\|)+) \|$/.exec(line)).filter(row => row != null)
  return new Map(rows.filter(([, id]) => id !== 'bug').map(([, id = '', killer = '']) => [id, killer === NOBODY ? undefined : killer.replaceAll('\\|', '|')]))
}

/**
 * The page that lists every bug with the test that finds it.
 *
 * @param killers - the first test that failed, by the name of the bug
 */
export function mutationsPage (killers: ReadonlyMap<string, string | undefined>): string {
  const all = Object.values(MUTANTS).flat()
  const found = all.filter(({ id }) => killers.get(id) != null).length
  const tables = Object.entries(MUTANTS).flatMap(([about, mutants]) => [
    `## ${about[0]?.toUpperCase()}${about.slice(1)}`,
    '',
    '| bug | what is wrong | where | found by |',
    '|---|---|---|---|',
    ...mutants.map(mutant => `| ${mutant.id} | ${mutant.bug} | [\`${mutant.package == null ? '' : `${mutant.package}: `}${mutant.file}\`](../${sourceOf(mutant)}) | ${cell(killers.get(mutant.id) ?? NOBODY)} |`),
    ''
  ])
  return [
    '# The mutation check',
    '',
    'Tests that pass say little about what they would notice. So known bugs are put into the resource manager, one at a time, and its',
    'tests have to find them: those of the package, and the compliance suite among them. Bugs in what joins it to a node face the',
    'tests of composed nodes as well.',
    '',
    `${found} of ${all.length} bugs are found. \`npm run mutate\` repeats it in a quarter of an hour, and fails if more than ${MAX_SURVIVORS} are not, or if a bug no`,
    'longer fits into the source; `npm run mutate -- participant span` tries those whose name or file contains one of these words. With',
    '`--write` it writes this page, where those that were not tried stay as they are. The bugs are in `scripts/lib/*mutants.ts`; nothing',
    'on the disk is changed, because each is put into the source as it is loaded.',
    '',
    ...tables
  ].join('\n').trimEnd() + '\n'
}
