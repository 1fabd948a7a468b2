import { connectionGaterSuite } from '@cordon/interface-compliance-tests'
import { ForeignGater } from './foreign-gater.ts'

connectionGaterSuite({
  setup: async args => new ForeignGater(args),
  teardown: async () => {}
})
