// What is logged of a failure that goes on.
import type { Log } from '../../../src/base/log.ts'
import { silentLog } from '../../../src/base/log.ts'
import { RepeatedFailure } from '../../../src/reconciler/repeated-failure.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const EVERY_MS = 2_000
const TEN_MINUTES = 300

test('an outage of ten minutes is told when it begins, once a minute, and when it is over', () => {
  const clock = new VirtualClock()
  const lines: unknown[] = []
  const log: Log = { ...silentLog, warn: (fields) => lines.push(fields), info: (fields) => lines.push(fields) }
  const failure = new RepeatedFailure({ clock, log }, 'the lease is out of reach')
  for (let tries = 0; tries < TEN_MINUTES; tries++) {
    failure.failed(tries % 2 === 0 ? 'refused' : 'timeout')
    clock.advance(EVERY_MS)
  }
  failure.succeeded()
  failure.succeeded()
  expect(lines.slice(0, 3)).toEqual([
    { reason: 'refused', failures: 1 },
    { reason: 'timeout', failures: 2 },
    expect.objectContaining({ failures: 32 }),
  ])
  expect(lines).toHaveLength(12)
  expect(lines.at(-1)).toEqual({ what: 'the lease is out of reach', failures: TEN_MINUTES, forSeconds: 600 })
  failure.failed('refused')
  expect(lines.at(-1)).toEqual({ reason: 'refused', failures: 1 })
})
