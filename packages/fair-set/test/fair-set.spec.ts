import { FairSet } from '@cordon/fair-set'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Place } from '@cordon/fair-set'

interface Member {
  readonly id: number
  readonly group: string
}

/** The same question asked by going through everybody, oldest first */
function naive (members: readonly Member[], small: number): { size: number, groups: number, largest: number | undefined } {
  const sizeOf = (group: string): number => Math.max(small, members.filter(member => member.group === group).length)
  const most = Math.max(...members.map(({ group }) => sizeOf(group)))
  return { size: members.length, groups: new Set(members.map(({ group }) => group)).size, largest: members.find(({ group }) => sizeOf(group) === most)?.id }
}

describe('FairSet', () => {
  it('is empty at first', () => {
    const set = new FairSet<number>()
    expect([set.size, set.groups, set.sizeOf('a'), set.oldestOf('a'), set.oldestOfLargest()]).toEqual([0, 0, 0, undefined, undefined])
  })

  it.each<[string, string, number]>([
    ['the oldest of the largest group', 'abbbbc', 1],
    ['the oldest of all where groups are equally large', 'abcd', 0],
    ['the oldest of all where no group has more than two', 'abbcc', 0],
    ['the oldest of the largest group that has three', 'abbb', 1],
    ['the group whose oldest is older, not the one that grew first', 'abbbbaaa', 0],
    ['a later group that is larger', 'aaaabbbbb', 4]
  ])('knows %s in %s', (_what, groups, oldest) => {
    const set = new FairSet<number>()
    Array.from(groups).forEach((group, i) => set.add(group, i))
    expect(set.oldestOfLargest()).toBe(oldest)
  })

  it('can be told to count every member', () => {
    const set = new FairSet<number>(1)
    Array.from('abbc').forEach((group, i) => set.add(group, i))
    expect(set.oldestOfLargest()).toBe(1)
  })

  it('knows the oldest of a group after others have left', () => {
    const set = new FairSet<string>()
    const [first, second, third] = ['1', '2', '3'].map(name => set.add('a', name)) as [Place<string>, Place<string>, Place<string>]
    set.remove(second)
    expect(set.oldestOf('a')).toBe('1')
    set.remove(first)
    expect(set.oldestOf('a')).toBe('3')
    set.remove(first)
    expect([set.size, set.sizeOf('a')]).toEqual([1, 1])
    set.remove(third)
    expect([set.size, set.groups, set.oldestOf('a')]).toEqual([0, 0, undefined])
  })

  it('passes over whom it is told to, who still count for their groups', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 4 }), fc.array(fc.tuple(fc.nat(12), fc.boolean()), { maxLength: 60 }), (small, entries) => {
      const set = new FairSet<number>(small)
      const members = entries.map(([group, stays], id) => ({ id, group: String(group), stays }))
      for (const { id, group } of members) set.add(group, id)
      const sizeOf = (group: string): number => Math.max(small, members.filter(member => member.group === group).length)
      const oldestOf = (group: string): number => members.findIndex(member => member.group === group)
      const [expected] = members.filter(({ stays }) => !stays)
        .sort((a, b) => 1_000_000 * (sizeOf(b.group) - sizeOf(a.group)) + 1_000 * (oldestOf(a.group) - oldestOf(b.group)) + a.id - b.id)
      const stays = new Set(members.filter(member => member.stays).map(({ id }) => id))
      expect(set.oldestOfLargestBut(id => stays.has(id))).toBe(expected?.id)
    }))
  })

  it('answers as a list does that is searched', () => {
    // few groups with many members each, and many groups, which make a heap of several levels
    fc.assert(fc.property(fc.integer({ min: 1, max: 4 }), fc.constantFrom(5, 40), fc.array(fc.tuple(fc.nat(9), fc.nat(1_000)), { maxLength: 150, size: 'max' }), (small, groupCount, steps) => {
      const set = new FairSet<number>(small)
      const places = new Map<number, Place<number>>()
      let members: Member[] = []

      steps.forEach(([op, value], id) => {
        const member = members[value % Math.max(1, members.length)]
        if (op < 6) {
          const group = String(value % groupCount)
          members.push({ id, group })
          places.set(id, set.add(group, id))
        } else if (op < 9 && member != null) {
          set.remove(places.get(member.id) as Place<number>)
          members = members.filter(({ id }) => id !== member.id)
        } else {
          const largest = set.oldestOfLargest()
          if (largest != null) set.remove(places.get(largest) as Place<number>)
          members = members.filter(({ id }) => id !== largest)
        }

        const { size, groups, largest } = naive(members, small)
        expect([set.size, set.groups, set.oldestOfLargest()]).toEqual([size, groups, largest])
        for (const group of ['0', '1', '2', '3', '4']) {
          const of = members.filter(member => member.group === group)
          expect([set.sizeOf(group), set.oldestOf(group)]).toEqual([of.length, of[0]?.id])
        }
      })
    }), { numRuns: 500 })
  })

  it('forgets groups whose members have all left', () => {
    const set = new FairSet<number>()
    for (let i = 0; i < 100_000; i++) set.remove(set.add(`group-${i}`, i))
    expect([set.size, set.groups]).toEqual([0, 0])
  })
})
