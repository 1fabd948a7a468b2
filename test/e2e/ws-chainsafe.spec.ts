import { phases } from './phases.ts'

phases('ws', 'chainsafe')
