import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'
import { findChromium } from './scripts/lib/chromium.ts'
import { commands } from './test/browser-dials-example/commands.ts'
import type { TestProjectConfiguration } from 'vitest/config'

// Sources instead of builds inside the repository: see `exports` in any package.json
const SOURCE = '@cordon/source'

const CHROMIUM_FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--headless',
  '--allow-loopback-in-peer-connection'
]

/** What a page has to be allowed before WebRTC offers it more than the default network */
const SEES_LOOPBACK = ['microphone']

const chromium = findChromium()

const node: TestProjectConfiguration = {
  resolve: { conditions: [SOURCE, 'node', 'module', 'import', 'default'] },
  ssr: { resolve: { conditions: [SOURCE, 'node', 'module', 'import', 'default'], externalConditions: [SOURCE, 'node', 'module-sync', 'import', 'default'] } },
  test: {
    name: 'node',
    include: ['packages/*/test/**/*.spec.ts', 'test/**/*.spec.ts', 'scripts/test/**/*.spec.ts', 'examples/*/test/**/*.spec.ts', 'benchmarks/*/test/**/*.spec.ts'],
    exclude: ['**/*.browser.spec.ts', 'test/applications/**', 'test/attacks/**', '**/node_modules/**'],
    pool: 'forks',
    // Many of them mostly wait for deadlines and sockets; with one worker for two cores they would take twice as long
    maxWorkers: 2,
    // A rejection that nobody handles ends the process instead of being collected: the same as in production
    execArgv: ['--unhandled-rejections=strict', `--conditions=${SOURCE}`],
    testTimeout: 30_000,
    hookTimeout: 30_000
  }
}

// Each works for half a minute and mostly waits for the network, so they run beside one another, after the others
const applications: TestProjectConfiguration = {
  ...node,
  test: {
    ...node.test,
    name: 'applications',
    include: ['test/applications/*.spec.ts'],
    exclude: ['**/node_modules/**'],
    maxWorkers: 3,
    sequence: { groupOrder: 1 }
  }
}

// Each attack keeps several processes busy, so they run after the others
const attacks: TestProjectConfiguration = {
  ...node,
  test: {
    ...node.test,
    name: 'attacks',
    include: ['test/attacks/*.spec.ts'],
    exclude: ['**/*.timed.spec.ts', '**/node_modules/**'],
    // thousands of handshakes, on a machine that may do other things as well
    testTimeout: 300_000,
    sequence: { groupOrder: 2 }
  }
}

// Those that measure times have the machine to themselves
const timedAttacks: TestProjectConfiguration = {
  ...attacks,
  test: {
    ...attacks.test,
    name: 'timed-attacks',
    include: ['test/attacks/*.timed.spec.ts'],
    exclude: ['**/node_modules/**'],
    maxWorkers: 1,
    sequence: { groupOrder: 3 }
  }
}

const browser: TestProjectConfiguration = {
  resolve: { conditions: [SOURCE, 'browser', 'module', 'import', 'default'] },
  cacheDir: 'node_modules/.cache/vitest-chromium',
  test: {
    name: 'chromium',
    include: ['packages/*/test/**/*.spec.ts', 'test/browser/*.spec.ts', 'test/composition/{gater,modules}.spec.ts', 'test/**/*.browser.spec.ts'],
    exclude: ['**/*.node.spec.ts', '**/node_modules/**'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      commands,
      provider: playwright({ launchOptions: { executablePath: chromium.path ?? 'chromium', args: CHROMIUM_FLAGS }, contextOptions: { permissions: SEES_LOOPBACK } }),
      instances: [{ browser: 'chromium' }]
    }
  }
}

export default defineConfig({
  test: {
    projects: [node, applications, attacks, timedAttacks, ...chromium.path == null ? [] : [browser]],
    passWithNoTests: false,
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts'],
      reporter: ['text', 'json-summary'],
      reportsDirectory: 'coverage'
    }
  }
})
