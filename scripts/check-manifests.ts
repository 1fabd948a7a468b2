// Fails when a package's manifest, README or licence differs from what every package has, or a dependency has no reason.

import { checkManifests } from './lib/manifests.ts'
import { report } from './lib/report.ts'
import { root, workspaces } from './lib/workspace.ts'

report(checkManifests(root), `${workspaces('packages').length} packages, ${workspaces('examples').length} examples, ${workspaces('benchmarks').length} benchmarks`)
