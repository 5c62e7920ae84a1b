// When a reconciler may take the Lease: by its own clock, and never while somebody keeps renewing it.
import { mayHold } from '../../../src/reconciler/election.ts'
import type { LeaseView } from '../../../src/reconciler/kube.ts'

const lease = (more: Partial<LeaseView> = {}): LeaseView => ({
  version: '7',
  holder: 'other',
  durationSeconds: 15,
  transitions: 3,
  ...more,
})
const seenAt = (seenAtMs: number) => ({ version: '7', seenAtMs })

test('a lease of another process is free once it was not renewed for its duration, counted from when that was first seen', () => {
  expect(mayHold(lease(), seenAt(1_000), 'me', 16_000)).toBe(false)
  expect(mayHold(lease(), seenAt(1_000), 'me', 16_001)).toBe(true)
})

test('a free lease and the own one need no wait, and a lease without a duration still holds for a second', () => {
  expect(mayHold(lease({ holder: null }), seenAt(0), 'me', 0)).toBe(true)
  expect(mayHold(lease({ holder: 'me' }), seenAt(0), 'me', 0)).toBe(true)
  expect(mayHold(lease({ durationSeconds: 0 }), seenAt(0), 'me', 1_000)).toBe(false)
})
