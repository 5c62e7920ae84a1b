// The vote on state hashes: who is divergent, who says so, and when.
import { must } from '../../../src/base/assert.ts'
import type { StateHash } from '../../../src/replication/peer-messages.ts'
import type { StateMachine } from '../../../src/replication/ports.ts'
import { StateHashes } from '../../../src/replication/state-hash.ts'

const INTERVAL = 10
const GOOD = 7
const BAD = 8

interface Replica {
  readonly hashes: StateHashes
  /** Applies up to `index` with a hash of its own at every checkpoint. */
  apply(index: number): void
  divergedAt: number | null
}

/** Replicas m0 to m(n-1) under the leader m0, whose messages arrive at once unless `isCut` says otherwise. */
function group(voterCount: number, bad: readonly number[], isCut: (from: number, to: number) => boolean = () => false) {
  const replicas: Replica[] = []
  const disputes: number[] = []
  const idOf = (position: number): string => `m${position}`
  const send = (from: number, to: number, message: StateHash): void => {
    if (!isCut(from, to)) must(replicas[to], 'it exists').hashes.onStateHash(idOf(from), message)
  }
  for (let self = 0; self < voterCount; self++) {
    let appliedIndex = 0
    const state = {
      get appliedIndex() {
        return appliedIndex
      },
      hashAt: (index: number) => (index <= appliedIndex && index > 0 ? (bad.includes(self) ? BAD : GOOD) : undefined),
    } as unknown as StateMachine
    const replica: Replica = {
      divergedAt: null,
      hashes: new StateHashes({
        state,
        intervalEntries: INTERVAL,
        self: idOf(self),
        leader: () => idOf(0),
        isLeader: () => self === 0,
        voters: () => Array.from({ length: voterCount }, (_, position) => idOf(position)),
        send: (to, message) => send(self, Number(to.slice(1)), message),
        broadcast: (message) => {
          for (let to = 0; to < voterCount; to++) if (to !== self) send(self, to, message)
        },
        onDispute: (index) => disputes.push(index),
        onMismatch: ({ index }) => {
          replica.divergedAt ??= index
        },
      }),
      apply: (index) => {
        appliedIndex = index
        replica.hashes.onApplied()
      },
    }
    replicas.push(replica)
  }
  return {
    replicas,
    disputes,
    divergent: () => replicas.flatMap(({ divergedAt }, self) => (divergedAt === null ? [] : [self])),
  }
}

function permutations(items: readonly number[]): number[][] {
  if (items.length <= 1) return [[...items]]
  return items.flatMap((first) =>
    permutations(items.filter((item) => item !== first)).map((others) => [first, ...others]),
  )
}

test.each([
  [3, []],
  [3, [1]],
  [3, [0]],
  [5, [0, 4]],
  [5, [2, 3]],
])('of %i voters exactly the minority %j is divergent, in whatever order they apply', (voterCount, bad) => {
  for (const order of permutations(Array.from({ length: voterCount }, (_, position) => position))) {
    const { divergent, replicas } = group(voterCount, bad)
    for (const position of order) replicas[position]?.apply(INTERVAL)
    expect(divergent()).toEqual(bad)
  }
})

test('nobody is divergent as long as no majority agrees, and the leader says that it is open', () => {
  const { disputes, divergent, replicas } = group(3, [0])
  replicas[0]?.apply(INTERVAL)
  expect(disputes).toEqual([])
  replicas[1]?.apply(INTERVAL)
  expect([divergent(), disputes]).toEqual([[], [INTERVAL]])
  replicas[2]?.apply(INTERVAL)
  expect(divergent()).toEqual([0])
})

test('of two voters the leader is believed', () => {
  const { divergent, replicas } = group(2, [0])
  for (const replica of replicas) replica.apply(INTERVAL)
  expect(divergent()).toEqual([1])
})

test('a voter that comes to the checkpoint late, or whose report was lost, is found all the same', () => {
  const late = group(3, [2])
  for (const position of [0, 1, 2]) late.replicas[position]?.apply(INTERVAL)
  expect(late.divergent()).toEqual([2])

  let isLost = true
  const lossy = group(3, [0], (from) => from === 2 && isLost)
  for (const replica of lossy.replicas) replica.apply(INTERVAL)
  expect(lossy.divergent()).toEqual([])
  isLost = false
  for (const replica of lossy.replicas) replica.apply(2 * INTERVAL)
  expect(lossy.divergent()).toEqual([0])
})

test('only the leader is believed about the majority', () => {
  const { divergent, replicas } = group(3, [], () => true)
  replicas[1]?.apply(INTERVAL)
  replicas[1]?.hashes.onStateHash('m2', { type: 'StateHash', index: INTERVAL, hash: BAD })
  expect(divergent()).toEqual([])
  replicas[1]?.hashes.onStateHash('m0', { type: 'StateHash', index: INTERVAL, hash: BAD })
  expect(divergent()).toEqual([1])
})
