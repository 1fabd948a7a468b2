import { phases } from './phases.ts'

phases('tcp', 'chainsafe')
