// When a deletion may be acknowledged: what members say, and what is true of those that say nothing.
import { silentLog } from '../../../src/base/log.ts'
import { systemRandom } from '../../../src/base/random.ts'
import { AUTHORIZATION_LEASE_MS, REVOCATION_WAIT_MS } from '../../../src/contract/limits.ts'
import type { AppliedMembers, PeerChannel, ServiceMessage } from '../../../src/services/peer-channel.ts'
import type { Replicator } from '../../../src/services/replicator.ts'
import { Revocations } from '../../../src/services/authorization/revocations.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const OTHERS = [
  { memberId: 'b/1', address: 'b:7000' },
  { memberId: 'c/1', address: 'c:7000' },
]
const NEVER = Number.NEGATIVE_INFINITY

class Peers {
  readonly clock = new VirtualClock()
  readonly sent: (readonly [to: string, message: ServiceMessage])[] = []
  readonly revocations: Revocations
  applied: AppliedMembers | undefined = { isSelfMember: true, others: OTHERS, noneRemovedSinceMs: NEVER }
  barrier: () => Promise<void> = () => Promise.resolve()
  #handler: (from: string, message: ServiceMessage) => void = () => {}

  constructor() {
    const applied = (): AppliedMembers | undefined => this.applied
    const channel: PeerChannel = {
      leadsSinceMs: null,
      leadershipEpoch: 1,
      leaderlessSinceMs: null,
      leaderAddress: null,
      memberCount: 3,
      otherAddresses: () => [],
      get appliedMembers() {
        return applied()
      },
      send: (to, message) => this.sent.push([to, message]) > 0,
      onMessage: (handler) => {
        this.#handler = handler
      },
      schedule: (callback) => callback(),
    }
    const replicator = { channel, readBarrier: () => this.barrier(), status: () => ({ memberId: 'a/1' }) }
    const deps = { clock: this.clock, random: systemRandom, log: silentLog }
    this.revocations = new Revocations({ ...deps, replicator: replicator as unknown as Replicator })
  }

  receive(from: string, message: ServiceMessage): void {
    this.#handler(from, message)
  }

  /** A deletion was committed; `isSettled` says whether it may be acknowledged. */
  async settle(): Promise<{ isSettled: () => Promise<boolean> }> {
    let settled = false
    void this.revocations.settle().then(() => {
      settled = true
    })
    await turn()
    return { isSettled: () => turn().then(() => settled) }
  }

  /** The member answers the newest question that it was sent. */
  answer(memberId: string): void {
    const requestId = this.sent.at(-1)?.[1].requestId ?? 0
    this.receive(`${memberId.slice(0, 1)}:7000`, { type: 'CatchUpReport', requestId, memberId })
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('a deletion is acknowledged once every member has said that it caught up', async () => {
  const peers = new Peers()
  const deletion = await peers.settle()
  expect(peers.sent.map(([to, { type }]) => [to, type])).toEqual([
    ['b:7000', 'CatchUpRequest'],
    ['c:7000', 'CatchUpRequest'],
  ])
  peers.answer('b/1')
  peers.answer('b/1')
  expect(await deletion.isSettled()).toBe(false)
  peers.answer('c/1')
  expect(await deletion.isSettled()).toBe(true)
})

test('a member that is silent delays it until no lease can be left, and no longer', async () => {
  const peers = new Peers()
  const deletion = await peers.settle()
  peers.answer('b/1')
  peers.clock.advance(AUTHORIZATION_LEASE_MS)
  expect(await deletion.isSettled()).toBe(false)
  peers.clock.advance(REVOCATION_WAIT_MS - AUTHORIZATION_LEASE_MS)
  expect(await deletion.isSettled()).toBe(true)
})

test('another incarnation at the address of a member does not speak for it', async () => {
  const peers = new Peers()
  const deletion = await peers.settle()
  peers.answer('b/2')
  peers.answer('c/1')
  expect(await deletion.isSettled()).toBe(false)
})

describe('time alone decides', () => {
  const afterAll = async (peers: Peers): Promise<void> => {
    const deletion = await peers.settle()
    for (const { memberId } of OTHERS) peers.answer(memberId)
    peers.clock.advance(REVOCATION_WAIT_MS - 1)
    expect(await deletion.isSettled()).toBe(false)
    peers.clock.advance(1)
    expect(await deletion.isSettled()).toBe(true)
  }

  test('while this node cannot pass a read barrier', async () => {
    const peers = new Peers()
    peers.barrier = () => Promise.reject(new Error('no leader'))
    await afterAll(peers)
  })

  test('while this node does not know the members', async () => {
    const peers = new Peers()
    peers.applied = undefined
    await afterAll(peers)
  })

  test('while a member that was removed may still hold a lease', async () => {
    const peers = new Peers()
    peers.clock.advance(10_000)
    peers.applied = { isSelfMember: true, others: [], noneRemovedSinceMs: 10_000 - REVOCATION_WAIT_MS + 1 }
    await afterAll(peers)
  })

  test('when a member has no address', async () => {
    const peers = new Peers()
    peers.applied = {
      isSelfMember: true,
      others: [{ memberId: 'd/1', address: undefined }],
      noneRemovedSinceMs: NEVER,
    }
    await afterAll(peers)
  })
})

test('a node of its own acknowledges at once', async () => {
  const peers = new Peers()
  peers.applied = { isSelfMember: true, others: [], noneRemovedSinceMs: NEVER }
  const deletion = await peers.settle()
  expect(await deletion.isSettled()).toBe(true)
})

test('a member that is asked says that it caught up once it has, and nothing when it cannot', async () => {
  const peers = new Peers()
  const passed = Promise.withResolvers<void>()
  peers.barrier = () => passed.promise
  peers.receive('b:7000', { type: 'CatchUpRequest', requestId: 7 })
  await turn()
  expect(peers.sent).toEqual([])
  passed.resolve()
  await turn()
  expect(peers.sent).toEqual([['b:7000', { type: 'CatchUpReport', requestId: 7, memberId: 'a/1' }]])
  peers.barrier = () => Promise.reject(new Error('no leader'))
  peers.receive('b:7000', { type: 'CatchUpRequest', requestId: 8 })
  await turn()
  expect(peers.sent).toHaveLength(1)
})
