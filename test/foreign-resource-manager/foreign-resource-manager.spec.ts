import { resourceManagerSuite } from '@cordon/interface-compliance-tests'
import { ForeignManager } from './foreign-manager.ts'

resourceManagerSuite({
  setup: async args => new ForeignManager(args),
  teardown: async () => {}
})
