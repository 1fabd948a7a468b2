import { createConnectionGater } from '@cordon/connection-gater'
import { connectionGaterSuite } from '@cordon/interface-compliance-tests'

connectionGaterSuite({
  setup: async args => createConnectionGater(args),
  teardown: async () => {}
})
