import { phases } from './phases.ts'

phases('tcp', 'libp2p')
