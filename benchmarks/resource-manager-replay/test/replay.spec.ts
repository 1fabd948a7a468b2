import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { peerName } from '../src/peers.ts'
import { replayLines } from '../src/replay.ts'

const saved = readFileSync(new URL('../fixtures/go-libp2p-v0.48.0.jsonl', import.meta.url), 'utf8').trim().split('\n')

describe('the replay of go-libp2p', () => {
  it.each([[1, 0], [42, 2], [3735928559, 4]])('prints what go-libp2p printed for seed %d, hash and blame included', (seed, line) => {
    expect(replayLines(seed)).toEqual(saved.slice(line, line + 2))
  })

  it('names peers as peer ids of ed25519 keys', () => {
    expect(peerName(1)).toMatch(/^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/)
  })
})
