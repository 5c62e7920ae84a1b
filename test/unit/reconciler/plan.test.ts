// The truth table of the planner: what each situation leads to, and what no situation leads to.
import { Evidence } from '../../../src/reconciler/evidence.ts'
import { plan } from '../../../src/reconciler/plan.ts'
import type { Plan } from '../../../src/reconciler/plan.ts'
import type { PodView, RaftMember, SetView, Snapshot } from '../../../src/reconciler/snapshot.ts'
import { member, pod, set } from './samples.ts'

const OPTIONS = { settleMs: 30_000, inviteMs: 5_000 }

interface Situation {
  readonly set: SetView | null
  readonly pods?: readonly PodView[]
  readonly members?: readonly RaftMember[] | null
  readonly isSettled?: boolean
  readonly marked?: string | null
}

function snapshotOf(situation: Situation, takenAtMs: number): Snapshot {
  const { isSettled = true, marked = 'c', members = [member(0), member(1), member(2)] } = situation
  return {
    takenAtMs,
    set: situation.set,
    pods: situation.pods ?? [pod(0), pod(1), pod(2)],
    raft: members === null ? null : { clusterId: 'c', leader: 'insi-0', isSettled, members },
    markedClusterId: marked,
  }
}

/** What passes at these times see and decide; the last one counts. */
function decide(situation: Situation, times: readonly number[] = [0, 30_000]): Plan {
  let evidence = Evidence.none
  let last: Plan | undefined
  for (const time of times) {
    last = plan(snapshotOf(situation, time), evidence, OPTIONS)
    evidence = last.evidence
  }
  if (last === undefined) throw new Error('no pass')
  return last
}

const told = ({ action, state }: Plan): string => {
  if (action === null) return state
  return action.type === 'add' || action.type === 'transfer'
    ? `${action.type} ${action.nodeId}`
    : `${action.type} ${action.member.nodeId}`
}
const five = [0, 1, 2, 3, 4]
const terminating = (from: number): PodView[] => five.map((at) => pod(at, { isTerminating: at >= from }))
const voters = five.map((at) => member(at))

describe('what the planner does', () => {
  test.each<[string, Situation, string]>([
    ['no StatefulSet', { set: null }, 'frozen'],
    ['a StatefulSet that is being deleted', { set: set(1, { isDeleting: true }) }, 'frozen'],
    ['replicas 0', { set: set(0), pods: [] }, 'frozen'],
    ['paused', { set: set(1, { isPaused: true }), pods: [pod(0)] }, 'frozen'],
    ['no leader', { set: set(1), pods: [pod(0)], members: null }, 'blind'],
    ['another cluster than the marked one', { set: set(1), pods: [pod(0)], marked: 'other' }, 'foreign'],
    ['a change under way', { set: set(1), pods: [pod(0)], isSettled: false }, 'waiting'],
    ['all as wanted', { set: set(3) }, 'idle'],
    ['a pod that came and has not joined', { set: set(4), pods: [0, 1, 2, 3].map((at) => pod(at)) }, 'add insi-3'],
    [
      'a pod that is not running yet',
      { set: set(4), pods: [...[0, 1, 2].map((at) => pod(at)), pod(3, { isRunning: false })] },
      'idle',
    ],
    [
      'a learner that is caught up for long',
      { set: set(3), members: [member(0), member(1), member(2, { role: 'learner' })] },
      'promote insi-2',
    ],
    [
      'a learner that is behind',
      { set: set(3), members: [member(0), member(1), member(2, { role: 'learner', lagEntries: 5_000 })] },
      'waiting',
    ],
    [
      'a learner on purpose',
      { set: set(3), members: [member(0), member(1), member(2, { role: 'learner', demoted: true })] },
      'idle',
    ],
    [
      'a learner that is not wanted',
      { set: set(3), pods: terminating(3), members: [...voters.slice(0, 3), member(3, { role: 'learner' })] },
      'remove insi-3',
    ],
    [
      'a leader that is not wanted',
      {
        set: set(3),
        pods: terminating(3),
        members: voters.map((one) => ({ ...one, isLeader: one.nodeId === 'insi-4' })),
      },
      'transfer insi-0',
    ],
    ['pods that leave', { set: set(3), pods: terminating(3), members: voters }, 'remove insi-4'],
    [
      'pods that are gone',
      { set: set(3), members: voters.map((one, at) => ({ ...one, active: at < 3 })) },
      'remove insi-4',
    ],
    [
      'pods above that Kubernetes has not asked to go',
      { set: set(3), pods: five.map((at) => pod(at)), members: voters },
      'idle',
    ],
    [
      'a wanted voter whose pod is gone',
      { set: set(3), pods: [pod(0), pod(1)], members: [member(0), member(1), member(2, { active: false })] },
      'idle',
    ],
    [
      'a member of another name',
      { set: set(3), members: [member(0), member(1), member(2), member(9, { nodeId: 'other-9' })] },
      'idle',
    ],
  ])('%s', (_, situation, expected) => {
    expect(told(decide(situation))).toBe(expected)
  })

  test('numbers are numbers: insi-10 goes before insi-9', () => {
    const all = Array.from({ length: 11 }, (_, at) => at)
    const situation = {
      set: set(9),
      pods: all.map((at) => pod(at, { isTerminating: at >= 9 })),
      members: all.map((at) => member(at)),
    }
    expect(told(decide(situation))).toBe('remove insi-10')
  })

  test('pods may begin at another number than 0', () => {
    const situation = {
      set: set(3, { firstOrdinal: 5 }),
      pods: [4, 5, 6, 7].map((at) => pod(at, { isTerminating: at < 5 })),
      members: [4, 5, 6, 7].map((at) => member(at, { isLeader: at === 7 })),
    }
    expect(told(decide(situation))).toBe('remove insi-4')
  })
})

describe('what it refuses', () => {
  const gone: Situation = { set: set(3), members: [...voters.slice(0, 3), member(3, { active: false })] }

  test('a pod that is gone counts after two observations half a minute apart', () => {
    expect(decide(gone, [0]).refusals).toMatchObject([{ guard: 'first_sight' }])
    expect(told(decide(gone, [0, 29_999]))).toBe('refused')
    expect(told(decide(gone, [0, 10_000, 30_000]))).toBe('remove insi-3')
  })

  test('an observation that says otherwise in between begins the count anew', () => {
    const there: Situation = { set: set(4), pods: [0, 1, 2, 3].map((at) => pod(at)), members: voters.slice(0, 4) }
    const first = plan(snapshotOf(gone, 0), Evidence.none, OPTIONS)
    const second = plan(snapshotOf(there, 20_000), first.evidence, OPTIONS)
    const third = plan(snapshotOf(gone, 40_000), second.evidence, OPTIONS)
    expect(told(third)).toBe('refused')
    const blind = plan(snapshotOf({ ...gone, members: null }, 50_000), third.evidence, OPTIONS)
    expect(told(plan(snapshotOf(gone, 80_000), blind.evidence, OPTIONS))).toBe('refused')
  })

  test('a removal that leaves no quorum, whatever is wanted', () => {
    const situation = {
      set: set(1),
      pods: [pod(0), pod(2, { isTerminating: true })],
      members: [member(0), member(1, { active: false }), member(2)],
    }
    const first = decide(situation, [0])
    expect(told(first)).toBe('refused')
    expect(first.refusals).toContainEqual({
      guard: 'quorum',
      reason: 'without insi-2, 1 of 2 voters would answer, and 2 must',
    })
    // The one that does not answer can go, once it is believed to be gone; then the other one can.
    expect(told(decide(situation))).toBe('remove insi-1')
  })

  test('a leader that is not wanted stays until somebody can take over', () => {
    const situation = {
      set: set(1),
      pods: [pod(0), pod(1, { isTerminating: true })],
      members: [member(0, { isLeader: false, lagEntries: 50_000 }), member(1, { isLeader: true })],
    }
    expect(decide(situation).refusals).toMatchObject([{ guard: 'no_target' }])
  })

  test('a learner that does not become a voter is reported, and hinders no removal', () => {
    const stuck = member(1, { role: 'learner', active: false })
    const situation: Situation = {
      set: set(2),
      pods: [pod(0), pod(1), pod(2, { isTerminating: true })],
      members: [member(0), stuck, member(2)],
    }
    expect(decide(situation, [0, 600_001])).toMatchObject({ stuckLearners: ['insi-1/x'], action: { type: 'remove' } })
  })
})
