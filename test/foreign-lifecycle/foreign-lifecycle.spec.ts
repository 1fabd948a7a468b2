import { lifecycleSuite } from '@cordon/interface-compliance-tests'
import { foreignLifecycle } from './foreign-lifecycle.ts'

lifecycleSuite({
  setup: async args => foreignLifecycle(args)(),
  teardown: async () => {}
})
