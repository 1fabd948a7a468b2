import { MAX_SURVIVORS, MUTANTS } from './mutants.ts'
import { SOURCE } from './mutation.ts'

export const MUTATIONS_PAGE = 'docs/resource-manager-mutations.md'

function cell (text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
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
    ...mutants.map(({ id, bug, file }) => `| ${id} | ${bug} | [\`${file}\`](../${SOURCE}/${file}) | ${cell(killers.get(id) ?? '**nothing**')} |`),
    ''
  ])
  return [
    '# The mutation check',
    '',
    'Tests that pass say little about what they would notice. So known bugs are put into the resource manager, one at a time, and its',
    'tests have to find them: those of the package, and the compliance suite among them.',
    '',
    `${found} of ${all.length} bugs are found. \`npm run mutate\` repeats it in a few minutes, and fails if more than ${MAX_SURVIVORS} are not, or if a bug no longer`,
    'fits into the source. `npm run mutate -- --write` writes this page. The bugs are in `scripts/lib/mutants.ts`; nothing on the disk is',
    'changed, because each is put into the source as it is loaded.',
    '',
    ...tables
  ].join('\n').trimEnd() + '\n'
}
