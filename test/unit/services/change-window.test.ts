// The newest changes of every entity, in log order, within two budgets.
import {
  WATCH_FORGOTTEN_ENTITIES_MAX,
  WATCH_RING_REVISIONS_MAX,
  WATCH_UNWATCHED_BYTES_MAX,
  WATCH_UNWATCHED_REVISIONS_MAX,
} from '../../../src/contract/limits.ts'
import { ChangeWindow } from '../../../src/services/change-window.ts'
import type { WriteChange } from '../../../src/services/change-window.ts'

const BEGIN = 100

function change(entityId: number, revision: number, key: string, value: Buffer | null = null): WriteChange {
  return { type: 'write', entityId, space: 'value', key: Buffer.from(key), revision, value, expiresAtMs: 0 }
}

/** Revisions with the keys that they changed. */
function held(window: ChangeWindow, entityId: number): string[] {
  const revisions = window.revisions(entityId)
  const found: string[] = []
  for (let place = revisions?.firstPlace ?? 0; place < (revisions?.endPlace ?? 0); place++) {
    const recorded = revisions?.at(place)
    if (recorded !== undefined) found.push(`${recorded.revision} ${recorded.changes.map(({ key }) => key).join()}`)
  }
  return found
}

function fill(window: ChangeWindow, entityId: number, from: number, count: number): void {
  for (let revision = from; revision < from + count; revision++) {
    window.add(change(entityId, revision, 'k'))
    window.trim()
  }
}

test('what a revision changes of an entity is one, though it changes another entity in between', () => {
  const window = new ChangeWindow(BEGIN)
  for (const one of [change(1, 105, 'a'), change(2, 105, 'b'), change(1, 105, 'c'), change(1, 106, 'd')])
    window.add(one)
  expect(held(window, 1)).toEqual(['105 a,c', '106 d'])
  expect(held(window, 2)).toEqual(['105 b'])
  expect([1, 2, 3].map((entityId) => window.since(entityId))).toEqual([BEGIN, BEGIN, BEGIN])
})

test('what nobody watches goes first and alone, and each entity knows from when on it is complete', () => {
  const window = new ChangeWindow(BEGIN)
  window.add(change(1, 101, 'watched'))
  window.watch(1)
  window.add(change(2, 102, 'early'))
  fill(window, 3, 103, WATCH_UNWATCHED_REVISIONS_MAX)
  expect(held(window, 1)).toEqual(['101 watched'])
  expect([window.since(1), window.since(2), window.since(3), window.since(4)]).toEqual([BEGIN, 102, BEGIN, BEGIN])
  expect(held(window, 2)).toEqual([])
  fill(window, 3, 103 + WATCH_UNWATCHED_REVISIONS_MAX, 5)
  expect(window.since(3)).toBe(107)
  expect(held(window, 3)).toHaveLength(WATCH_UNWATCHED_REVISIONS_MAX)
})

test('an entity that is watched for the first time takes what is held of it along', () => {
  const window = new ChangeWindow(BEGIN)
  window.add(change(1, 101, 'a'))
  window.add(change(2, 102, 'b'))
  window.watch(1)
  window.add(change(1, 103, 'c'))
  fill(window, 2, 104, WATCH_UNWATCHED_REVISIONS_MAX)
  expect(held(window, 1)).toEqual(['101 a', '103 c'])
  fill(window, 1, 200_000, WATCH_RING_REVISIONS_MAX)
  expect(held(window, 1)).toHaveLength(WATCH_RING_REVISIONS_MAX)
  expect(window.since(1)).toBe(103)
})

test('bytes are bounded, keys included, and memory is not shared with what was applied', () => {
  const window = new ChangeWindow(BEGIN)
  const value = Buffer.alloc(WATCH_UNWATCHED_BYTES_MAX / 8, 'x')
  for (let revision = 101; revision <= 120; revision++) {
    window.add(change(1, revision, 'k', value))
    window.trim()
  }
  value.fill('y')
  expect(held(window, 1)).toHaveLength(7)
  expect(window.since(1)).toBe(113)
  expect(window.revisions(1)?.newest()?.changes[0]?.value?.[0]).toBe('x'.charCodeAt(0))
})

test('of too many entities that changed long ago the oldest are not told apart any more', () => {
  const window = new ChangeWindow(BEGIN)
  const count = WATCH_FORGOTTEN_ENTITIES_MAX + WATCH_UNWATCHED_REVISIONS_MAX + 10
  for (let n = 0; n < count; n++) {
    window.add(change(1 + n, 1_000 + n, 'k'))
    window.trim()
  }
  expect(window.since(1)).toBe(1_009)
  expect(window.since(11)).toBe(1_010)
  expect(window.since(count + 5)).toBe(1_009)
})

test('after a snapshot nothing before it is held, and what is gone is forgotten', () => {
  const window = new ChangeWindow(BEGIN)
  window.watch(1)
  fill(window, 1, 101, 3)
  fill(window, 2, 104, 3)
  window.forget(2)
  expect(held(window, 2)).toEqual([])
  window.clear(500)
  expect([window.since(1), window.since(2), held(window, 1)]).toEqual([500, 500, []])
  fill(window, 1, 501, 2)
  expect([window.since(1), held(window, 1)]).toEqual([500, ['501 k', '502 k']])
})
