import { resourceManagerSuite } from '@cordon/interface-compliance-tests'
import { createResourceManager } from '@cordon/resource-manager'

resourceManagerSuite({
  setup: async args => createResourceManager(args),
  teardown: async () => {}
})
