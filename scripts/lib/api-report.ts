import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor'
import { files, packages, readJson, root } from './workspace.ts'
import type { Workspace } from './workspace.ts'
import type { ExtractorMessage, IConfigFile } from '@microsoft/api-extractor'

const REPORTS = join(root, 'etc')
const TEMPORARY = join(root, 'node_modules/.cache/api')

/**
 * Writes the public API of each package to etc/<package>.api.md, from its build. With `check` it writes nothing and
 * says where a report differs from what the package now offers.
 */
export function apiReports (check: boolean): string[] {
  mkdirSync(REPORTS, { recursive: true })
  mkdirSync(TEMPORARY, { recursive: true })
  const published = packages().filter(({ manifest }) => manifest.private !== true)
  const gone = files('*.api.md', REPORTS).filter(file => !published.some(({ folder }) => `${folder}.api.md` === file))
  if (!check) for (const file of gone) rmSync(join(REPORTS, file))
  return [
    ...published.flatMap(workspace => apiReport(workspace, check)),
    ...(check ? gone.map(file => `etc/${file}: there is no such package any more`) : [])
  ]
}

function apiReport (workspace: Workspace, check: boolean): string[] {
  const { absolute, folder, path } = workspace
  if (!existsSync(join(absolute, 'dist/index.d.ts'))) return [`${path}: has not been built`]
  const messages: string[] = []
  const result = Extractor.invoke(ExtractorConfig.prepare({
    configObject: configOf(workspace),
    configObjectFullPath: undefined,
    packageJsonFullPath: join(absolute, 'package.json')
  }), {
    localBuild: !check,
    showVerboseMessages: false,
    messageCallback: message => { collect(message, messages) }
  })
  const changed = result.apiReportChanged && check
  return [
    ...messages.map(message => `${path}: ${message}`),
    ...(changed ? [`etc/${folder}.api.md: the public API has changed, run npm run generate and read the difference\n${difference(folder)}`] : [])
  ]
}

function collect (message: ExtractorMessage, messages: string[]): void {
  if (message.logLevel === ExtractorLogLevel.Error || message.logLevel === ExtractorLogLevel.Warning) {
    // that the report differs is told by the result; these say it in terms of api-extractor's own workflow
    if (!message.messageId.startsWith('console-api-report-')) messages.push(message.formatMessageWithLocation(root))
  }
  message.handled = true
}

function configOf ({ absolute, folder }: Workspace): IConfigFile {
  return {
    projectFolder: absolute,
    mainEntryPointFilePath: join(absolute, 'dist/index.d.ts'),
    compiler: { overrideTsconfig: tsconfig(absolute) },
    apiReport: { enabled: true, reportFolder: REPORTS, reportTempFolder: TEMPORARY, reportFileName: `${folder}.api.md`, includeForgottenExports: true },
    docModel: { enabled: false },
    dtsRollup: { enabled: false },
    newlineKind: 'lf',
    tsdocMetadata: { enabled: false },
    messages: {
      compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Warning } },
      extractorMessageReporting: {
        default: { logLevel: ExtractorLogLevel.Warning },
        // nothing here is released in stages, so nothing carries @public or @beta
        'ae-missing-release-tag': { logLevel: ExtractorLogLevel.None },
        'ae-forgotten-export': { logLevel: ExtractorLogLevel.None },
        // a name can be enough; what must be documented is typedoc's to say
        'ae-undocumented': { logLevel: ExtractorLogLevel.None },
        'ae-unresolved-link': { logLevel: ExtractorLogLevel.None }
      },
      // @default and examples with titles are typedoc's, whose own warnings are errors
      tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } }
    }
  }
}

/** Without the condition that leads to sources: api-extractor reads declarations only, as a user of the package does */
function tsconfig (absolute: string): object {
  const { compilerOptions } = readJson<{ compilerOptions: Record<string, unknown> }>(join(root, 'tsconfig.base.json'))
  return { compilerOptions: { ...compilerOptions, customConditions: [], rootDir: join(absolute, 'dist'), noEmit: true, composite: false }, include: [join(absolute, 'dist')] }
}

/** Which lines are new and which are gone; a full difference is git's to show once the report has been written */
function difference (folder: string): string {
  const lines = (path: string): string[] => existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []
  const before = lines(join(REPORTS, `${folder}.api.md`))
  const after = lines(join(TEMPORARY, `${folder}.api.md`))
  return [
    ...before.filter(line => !after.includes(line)).map(line => `  - ${line}`),
    ...after.filter(line => !before.includes(line)).map(line => `  + ${line}`)
  ].slice(0, 40).join('\n')
}
