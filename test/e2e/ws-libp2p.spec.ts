import { phases } from './phases.ts'

phases('ws', 'libp2p')
