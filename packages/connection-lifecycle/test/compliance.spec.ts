import { connectionLifecycle } from '@cordon/connection-lifecycle'
import { lifecycleSuite } from '@cordon/interface-compliance-tests'
import { defaultLogger } from '@libp2p/logger'

lifecycleSuite({
  setup: async args => connectionLifecycle(args)({ logger: defaultLogger() }),
  teardown: async () => {}
})
