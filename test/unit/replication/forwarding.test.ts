// Commands on their way from a follower to the leader and back: what the follower may conclude from each answer, and from none.
import type { InsiError } from '../../../src/base/errors.ts'
import type { PeerMessage, ProposeRequest, ProposeResponse } from '../../../src/replication/peer-messages.ts'
import { noLeader, outcomeUnknown, Proposals } from '../../../src/replication/proposals.ts'
import { ForwardedBatch, Forwarder, refusal } from '../../../src/replication/replica/forwarding.ts'

const LEADER = 'leader:7000'
const OPTIONS = { messageSizeBytesMax: 1_000, proposalTimeoutMs: 1_000, refusalPauseMs: 50, lostLeaderMs: 300 }

function createFollower(): {
  proposals: Proposals
  forwarder: Forwarder
  sent: { to: string; request: ProposeRequest }[]
  ends: Map<number, unknown>
  submit: (origin?: 'local' | 'peer') => void
  transport: { isOpen: boolean }
} {
  const limits = {
    pendingProposalsMax: 100,
    pendingProposalsSizeBytesMax: 10_000,
    leaderWaitMs: 500,
    proposalTimeoutMs: 1_000,
  }
  const proposals = new Proposals(limits)
  const sent: { to: string; request: ProposeRequest }[] = []
  const transport = { isOpen: true }
  const send = (to: string, message: PeerMessage): boolean => {
    if (transport.isOpen && message.type === 'ProposeRequest') sent.push({ to, request: message })
    return transport.isOpen
  }
  const forwarder = new Forwarder(proposals, { ...OPTIONS, send, onForwarded: () => {} }, 1)
  const ends = new Map<number, unknown>()
  let nextSlot = 0
  const submit = (origin: 'local' | 'peer' = 'local'): void => {
    const slot = nextSlot++
    const sink = {
      applied: (_slot: number, result: unknown) => void ends.set(slot, result),
      failed: (_slot: number, error: InsiError) => void ends.set(slot, error.code),
    }
    proposals.submit(Uint8Array.of(slot), sink, slot, origin, 0)
  }
  return { proposals, forwarder, sent, ends, submit, transport }
}

describe('a follower', () => {
  test('hands everything that waits over in one request and passes each result on', () => {
    const { ends, forwarder, sent, submit } = createFollower()
    submit()
    submit()
    forwarder.forward(LEADER, 0)
    expect(sent.map(({ request }) => request.commands)).toEqual([[Uint8Array.of(0), Uint8Array.of(1)]])
    forwarder.onResponse(
      { type: 'ProposeResponse', requestId: sent[0]!.request.requestId, results: ['a', 'b'], phasesMs: [] },
      1,
    )
    expect(ends).toEqual(
      new Map([
        [0, 'a'],
        [1, 'b'],
      ]),
    )
  })

  test('tries again after a pause when the node asked does not lead', () => {
    const { ends, forwarder, sent, submit } = createFollower()
    submit()
    forwarder.forward(LEADER, 0)
    forwarder.onResponse(refusal(sent[0]!.request.requestId, noLeader()), 10)
    forwarder.forward('other:7000', 10)
    expect(sent).toHaveLength(1)
    forwarder.forward('other:7000', 10 + OPTIONS.refusalPauseMs)
    expect(sent[1]?.to).toBe('other:7000')
    expect(ends.size).toBe(0)
  })

  test('tries again when the request certainly did not leave', () => {
    const { forwarder, sent, submit, transport } = createFollower()
    submit()
    transport.isOpen = false
    forwarder.forward(LEADER, 0)
    transport.isOpen = true
    forwarder.forward(LEADER, OPTIONS.refusalPauseMs)
    expect(sent).toHaveLength(1)
  })

  test('calls the outcome unknown when the connection breaks after the request left', () => {
    const { ends, forwarder, submit } = createFollower()
    submit()
    forwarder.forward(LEADER, 0)
    forwarder.onDisconnect('other:7000')
    expect(ends.size).toBe(0)
    forwarder.onDisconnect(LEADER)
    expect(ends.get(0)).toBe('OUTCOME_UNKNOWN')
  })

  test('calls the outcome unknown when the leader is silent and another one has been known for a while', () => {
    const { ends, forwarder, submit } = createFollower()
    submit()
    forwarder.forward(LEADER, 0)
    forwarder.expire(OPTIONS.lostLeaderMs * 2)
    expect(ends.size).toBe(0)
    forwarder.noteLeader('other:7000', 700)
    forwarder.expire(700 + OPTIONS.lostLeaderMs - 1)
    expect(ends.size).toBe(0)
    forwarder.expire(700 + OPTIONS.lostLeaderMs)
    expect(ends.get(0)).toBe('OUTCOME_UNKNOWN')
  })

  test('takes the answer of an earlier leader that comes soon after another one is known', () => {
    const { ends, forwarder, sent, submit } = createFollower()
    submit()
    forwarder.forward(LEADER, 0)
    forwarder.noteLeader('other:7000', 100)
    forwarder.expire(200)
    const { requestId } = sent[0]!.request
    forwarder.onResponse({ type: 'ProposeResponse', requestId, results: ['a'], phasesMs: [] }, 201)
    expect(ends.get(0)).toBe('a')
  })

  test('calls the outcome unknown when the leader does', () => {
    const { ends, forwarder, sent, submit } = createFollower()
    submit()
    forwarder.forward(LEADER, 0)
    forwarder.onResponse(refusal(sent[0]!.request.requestId, outcomeUnknown('it stepped down'), true), 1)
    expect(ends.get(0)).toBe('OUTCOME_UNKNOWN')
  })

  test('passes a refusal on that another try would not change', () => {
    const { ends, forwarder, sent, submit } = createFollower()
    submit()
    forwarder.forward(LEADER, 0)
    const error = { code: 'OVERLOADED', message: 'too much', outcomeUnknown: false }
    forwarder.onResponse({ type: 'ProposeResponse', requestId: sent[0]!.request.requestId, error }, 1)
    expect(ends.get(0)).toBe('OVERLOADED')
  })

  test('calls commands unknown for which the leader left out a result', () => {
    const { ends, forwarder, sent, submit } = createFollower()
    submit()
    submit()
    forwarder.forward(LEADER, 0)
    forwarder.onResponse(
      { type: 'ProposeResponse', requestId: sent[0]!.request.requestId, results: ['a'], phasesMs: [] },
      1,
    )
    expect(ends).toEqual(
      new Map([
        [0, 'a'],
        [1, 'OUTCOME_UNKNOWN'],
      ]),
    )
  })

  test('sends commands of other nodes back instead of passing them on', () => {
    const { ends, forwarder, sent, submit } = createFollower()
    submit('peer')
    submit()
    forwarder.forward(LEADER, 0)
    expect(ends.get(0)).toBe('NO_LEADER')
    expect(sent[0]?.request.commands).toEqual([Uint8Array.of(1)])
  })

  test('bounds the requests that wait for one leader, and those of a dead one do not hold up its successor', () => {
    const { forwarder, sent, submit } = createFollower()
    for (let count = 0; count < 40; count++) {
      submit()
      forwarder.forward(LEADER, 0)
    }
    expect(sent).toHaveLength(16)
    forwarder.forward('successor:7000', 0)
    expect(sent).toHaveLength(17)
    expect(sent[16]?.request.commands).toHaveLength(24)
  })

  test('gives up requests that are never answered', () => {
    const { ends, forwarder, submit } = createFollower()
    submit()
    forwarder.forward(LEADER, 0)
    forwarder.expire(OPTIONS.proposalTimeoutMs - 1)
    expect(ends.size).toBe(0)
    forwarder.expire(OPTIONS.proposalTimeoutMs)
    expect(ends.get(0)).toBe('OUTCOME_UNKNOWN')
  })
})

describe('the answer of a leader', () => {
  function answerTo(count: number, ends: readonly (InsiError | string)[]): ProposeResponse | undefined {
    let answer: ProposeResponse | undefined
    const commands = Array.from({ length: count }, () => new Uint8Array(1))
    const batch = new ForwardedBatch({ type: 'ProposeRequest', requestId: 9, commands, traced: false }, (response) => {
      answer = response
    })
    ends.forEach((end, slot) => {
      if (typeof end === 'string') batch.applied(slot, end)
      else batch.failed(slot, end)
    })
    return answer
  }

  test('waits for the last result', () => {
    expect(answerTo(2, ['a'])).toBeUndefined()
    expect(answerTo(2, ['a', 'b'])).toEqual({
      type: 'ProposeResponse',
      requestId: 9,
      results: ['a', 'b'],
      phasesMs: [],
    })
  })

  test('says that nothing was applied only when that is true of every command', () => {
    expect(answerTo(2, [noLeader(), noLeader()])).toMatchObject({ error: { code: 'NO_LEADER', outcomeUnknown: false } })
    expect(answerTo(2, ['a', noLeader()])).toMatchObject({ error: { outcomeUnknown: true } })
    expect(answerTo(2, [noLeader(), outcomeUnknown('stopped')])).toMatchObject({ error: { outcomeUnknown: true } })
  })
})
