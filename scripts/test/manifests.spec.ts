import { describe, expect, it } from 'vitest'
import { checkManifests, licenceText, reasons, UNIFORM } from '../lib/manifests.ts'
import { folderWith } from './fixture.ts'

const README = '# @cordon/thing\n\nText.\n\n```ts\nexport {}\n```\n\n## License\n\nApache-2.0 or MIT, at your choice.\n'
const REASONS = '| dependency | used by | why |\n|---|---|---|\n| `multiformats` | `thing` | content ids |\n\n| dependency | why |\n|---|---|\n| `vitest` | tests |\n'

const MANIFEST = { name: '@cordon/thing', version: '0.0.0', description: 'A thing', ...UNIFORM, dependencies: { multiformats: '^14.0.0' } }
const ROOT = { name: 'top', devDependencies: { vitest: '5.1.0' } }

const LICENCES = { 'LICENSE-MIT': 'mit\n', 'LICENSE-APACHE': 'apache\n' }

interface Change {
  readonly manifest?: object
  readonly rootManifest?: object
  readonly files?: Readonly<Record<string, string>>
}

function problems ({ manifest = {}, rootManifest = {}, files = {} }: Change): string[] {
  return checkManifests(folderWith({
    ...LICENCES,
    'package.json': JSON.stringify({ ...ROOT, ...rootManifest }),
    'docs/dependencies.md': REASONS,
    '.size-limit.json': '[{ "name": "@cordon/thing", "path": "packages/thing/dist/index.js" }]',
    'packages/thing/package.json': JSON.stringify({ ...MANIFEST, ...manifest }),
    'packages/thing/README.md': README,
    'packages/thing/LICENSE': licenceText(folderWith(LICENCES)),
    ...files
  }))
}

const other = (fields: object): Record<string, string> => ({
  'packages/other/package.json': JSON.stringify({ name: '@cordon/other', version: '0.0.0', description: 'Another', private: true, ...fields })
})

describe('the manifests', () => {
  it('have nothing to be said against them when they are alike', () => {
    expect(problems({})).toEqual([])
  })

  const rules: Array<[string, Change, RegExp]> = [
    ['another licence', { manifest: { license: 'MIT' } }, /license must be/],
    ['CommonJS', { manifest: { type: 'commonjs' } }, /type must be/],
    ['side effects', { manifest: { sideEffects: true } }, /sideEffects must be/],
    ['other engines', { manifest: { engines: { node: '>=20' } } }, /engines must be/],
    ['other files', { manifest: { files: ['dist'] } }, /files must be/],
    ['files that another package has', { manifest: { files: [...UNIFORM.files ?? [], 'fail2ban'] } }, /files must be/],
    ['another entry', { manifest: { exports: { ...UNIFORM.exports as object, './internals': './dist/internals.js' } } }, /exports must be/],
    ['a package that nobody may install', { manifest: { publishConfig: { access: 'restricted' } } }, /publishConfig must be/],
    ['scripts of its own', { manifest: { scripts: { test: 'vitest' } } }, /scripts is not among the fields/],
    ['a name that is not its folder', { manifest: { name: '@cordon/thing2' } }, /name must be @cordon\/thing/],
    ['no description', { manifest: { description: '' } }, /description must be/],
    ['a range for a package of ours', { files: other({ dependencies: { '@cordon/thing': '^0.0.0' } }) }, /@cordon\/thing must be 0\.0\.0/],
    ['two ranges for one dependency', { files: other({ dependencies: { multiformats: '^13.0.0' } }) }, /multiformats is \^1[34]\.0\.0 here and \^1[34]\.0\.0 in/],
    ['a tool that is not pinned', { rootManifest: { devDependencies: { vitest: '^5.1.0' } } }, /vitest must be one exact version/],
    ['a dependency without a reason', { manifest: { dependencies: { multiformats: '^14.0.0', valibot: '^1.0.0' } } }, /valibot has no row/],
    ['a reason without a dependency', { rootManifest: { devDependencies: {} } }, /vitest is no dependency any more/],
    ['a package without a budget', { files: { '.size-limit.json': '[]' } }, /@cordon\/thing has no budget/],
    ['no README', { files: { 'packages/thing/README.md': '' } }, /README\.md: is missing/],
    ['another title', { files: { 'packages/thing/README.md': README.replace('# @cordon/thing', '# Thing') } }, /must begin with/],
    ['a README without an example', { files: { 'packages/thing/README.md': README.replace('```ts', '```js') } }, /has no example/],
    ['a README without a licence', { files: { 'packages/thing/README.md': README.replace('Apache-2.0', 'GPL') } }, /needs a section/],
    ['another licence text', { files: { 'packages/thing/LICENSE': 'mit\n' } }, /LICENSE: must hold/],
    ['a published example', { files: { 'examples/show/package.json': JSON.stringify({ name: '@cordon/example-show', description: 'Shows' }) } }, /private must be true/]
  ]

  it.each(rules)('refuse %s', (_name, change, expected) => {
    expect(problems(change).filter(problem => expected.test(problem))).toHaveLength(1)
  })

  it('reads reasons from the last column, whatever the number of columns', () => {
    expect([...reasons(REASONS)]).toEqual([['multiformats', 'content ids'], ['vitest', 'tests']])
  })

  it('takes an empty cell for no reason', () => {
    expect([...reasons('| `x` | `y` |  |\n')]).toEqual([])
  })
})
