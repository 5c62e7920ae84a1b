// Operation rates of the whole cluster, as one node adds them up.
import { systemRandom } from '../../../src/base/random.ts'
import { OperationsService } from '../../../src/services/operations.ts'
import type { PeerChannel, ServiceMessageHandler } from '../../../src/services/peer-channel.ts'
import { OPERATIONS_WAIT_MS } from '../../../src/services/rates/limits.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const RATES = [5, 0, 0, 0, 0, 1]

/** A node that asks `a` and `b`; those in `answering` answer at once. */
function askingNode() {
  const clock = new VirtualClock()
  const answering = new Set(['a', 'b'])
  let handler: ServiceMessageHandler = () => {}
  const asked: string[] = []
  const channel: PeerChannel = {
    leadsSinceMs: null,
    leadershipEpoch: 1,
    leaderlessSinceMs: null,
    leaderAddress: null,
    memberCount: 3,
    otherAddresses: () => ['a', 'b'],
    appliedMembers: undefined,
    send: (to, { requestId }) => {
      asked.push(to)
      if (answering.has(to)) clock.after(1, () => handler(to, { type: 'OperationsReport', requestId, rates: RATES }))
      return true
    },
    onMessage: (given) => {
      handler = given
    },
    schedule: (callback) => callback(),
  }
  const operations = new OperationsService({ clock, channel, random: systemRandom })
  /** The rate of values, and how long it took to add it up. */
  const values = async (): Promise<{ rate: number; tookMs: number }> => {
    const beganMs = clock.monotonicMs()
    let isDone = false
    const rates = operations.rates().finally(() => {
      isDone = true
    })
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve))
      if (isDone) return { rate: (await rates).values, tookMs: clock.monotonicMs() - beganMs }
      clock.advance(1)
    }
  }
  return { answering, asked, clock, values }
}

test('the rates of all members are added up as soon as they have answered', async () => {
  const { values } = askingNode()
  expect(await values()).toEqual({ rate: 10, tookMs: 1 })
})

test('a member that is away is waited for once, and again when it has come back', async () => {
  const { answering, asked, clock, values } = askingNode()
  answering.delete('b')
  expect(await values()).toEqual({ rate: 5, tookMs: OPERATIONS_WAIT_MS })
  expect(await values()).toEqual({ rate: 5, tookMs: 1 })
  answering.delete('a')
  expect((await values()).tookMs).toBe(OPERATIONS_WAIT_MS)
  expect(await values()).toEqual({ rate: 0, tookMs: 0 })
  answering.add('a').add('b')
  await values()
  clock.advance(1)
  expect(await values()).toEqual({ rate: 10, tookMs: 1 })
  // Whoever is away is asked all the same: that is how it comes back.
  expect(asked.filter((to) => to === 'b')).toHaveLength(6)
})
