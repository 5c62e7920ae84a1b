import { Proposal } from '../../../src/replication/proposals.ts'
import { silentObserver } from '../../../src/replication/replica-observer.ts'
import { WritePhases } from '../../../src/replication/write-phases.ts'
import type { WritePhase } from '../../../src/replication/write-phases.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const SINK = { applied: () => {}, failed: () => {} }

function createPhases() {
  const clock = new VirtualClock()
  const seen: [WritePhase, number, number][] = []
  const observer = {
    ...silentObserver,
    onWritePhase: (...report: [WritePhase, number, number]) => void seen.push(report),
  }
  const phases = new WritePhases({ clock, observer })
  const proposal = (): Proposal => new Proposal(new Uint8Array(1), SINK, 0, 'local', clock.monotonicMs())
  return { clock, phases, proposal, seen }
}

test('a batch is measured from its proposal until it is applied, each phase once', () => {
  const { clock, phases, proposal, seen } = createPhases()
  const batch = [proposal(), proposal()]
  clock.advance(3)
  phases.logged(batch, 2, clock.monotonicMs())
  phases.advance(true, 0, 0)
  clock.advance(5)
  phases.advance(true, 2, 0)
  clock.advance(1)
  phases.advance(true, 2, 2)
  phases.advance(true, 2, 2)
  clock.advance(2)
  phases.applied(2, clock.monotonicMs())
  phases.applied(2, clock.monotonicMs())
  expect(seen).toEqual([
    ['queue', 3, 1],
    ['queue', 3, 1],
    ['append', 0, 2],
    ['fsync', 5, 2],
    ['replicate', 6, 2],
    ['apply', 2, 2],
  ])
})

test('a majority may have a batch before the disk of the leader does', () => {
  const { clock, phases, proposal, seen } = createPhases()
  phases.logged([proposal()], 1, clock.monotonicMs())
  phases.logged([proposal()], 2, clock.monotonicMs())
  clock.advance(4)
  phases.advance(true, 0, 2)
  clock.advance(4)
  phases.advance(true, 1, 2)
  phases.applied(1, clock.monotonicMs())
  clock.advance(4)
  phases.advance(true, 2, 2)
  phases.applied(2, clock.monotonicMs())
  expect(seen.filter(([phase]) => phase === 'replicate')).toEqual([
    ['replicate', 4, 1],
    ['replicate', 4, 1],
  ])
  expect(seen.filter(([phase]) => phase === 'fsync')).toEqual([
    ['fsync', 8, 1],
    ['fsync', 12, 1],
  ])
  expect(seen.filter(([phase]) => phase === 'apply')).toHaveLength(2)
})

test('what a deposed leader had under way is forgotten', () => {
  const { clock, phases, proposal, seen } = createPhases()
  phases.logged([proposal()], 1, clock.monotonicMs())
  phases.advance(false, 1, 1)
  phases.advance(true, 1, 1)
  phases.applied(1, clock.monotonicMs())
  expect(seen.map(([phase]) => phase)).toEqual(['queue', 'append'])
})

test('a write that is traced is told its own phases, others are not asked', () => {
  const { clock, phases, proposal } = createPhases()
  const told: string[] = []
  const traced = proposal()
  traced.trace = { onPhase: (phase, durationMs) => void told.push(`${phase} ${durationMs}`), onHop: () => {} }
  clock.advance(1)
  phases.logged([proposal(), traced], 2, clock.monotonicMs())
  clock.advance(2)
  phases.advance(true, 2, 2)
  clock.advance(3)
  phases.applied(2, clock.monotonicMs())
  expect(told).toEqual(['queue 1', 'append 0', 'fsync 2', 'replicate 2', 'apply 3'])
})
