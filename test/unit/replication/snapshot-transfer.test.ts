// Snapshots between two real state machines over a channel that loses, repeats and refuses chunks.
import { silentLog } from '../../../src/base/log.ts'
import type { SnapshotMeta } from '../../../src/raft/types.ts'
import type { SnapshotChunk, SnapshotChunkAck } from '../../../src/replication/peer-messages.ts'
import { silentObserver } from '../../../src/replication/replica-observer.ts'
import { SnapshotReceiver } from '../../../src/replication/snapshots/snapshot-receiver.ts'
import { SnapshotSender } from '../../../src/replication/snapshots/snapshot-sender.ts'
import { encodeCommand } from '../../../src/state/command-codec.ts'
import { ROOT_ENTITY_ID } from '../../../src/state/commands.ts'
import { StateMachine } from '../../../src/state/state-machine.ts'
import { ReplaceableMemoryStore } from '../../../src/storage/replaceable-memory-store.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const MEMBER = 'b/1'
const ENTRY_COUNT = 40
const VALUE = Buffer.alloc(500, 'v')
const STEPS_MAX = 2_000

async function createState(entryCount: number): Promise<StateMachine> {
  const state = await StateMachine.open(new ReplaceableMemoryStore())
  for (let index = 1; index <= entryCount; index++) {
    const target = { space: 'value', entityId: ROOT_ENTITY_ID, key: Buffer.from(`k${index}`), timeMs: index } as const
    const data = encodeCommand({ type: 'kv.set', ...target, value: VALUE, expiresAtMs: 0 })
    await state.apply([{ index, term: 1, kind: 'command', data }])
  }
  return state
}

interface Fixture {
  readonly clock: VirtualClock
  readonly sender: SnapshotSender
  readonly receiver: SnapshotReceiver
  readonly source: StateMachine
  readonly target: StateMachine
  /** Every chunk that was handed to the transport. */
  readonly chunks: SnapshotChunk[]
  readonly finished: boolean[]
  /** What the channel does with a chunk or an answer. */
  channel: { onChunk: (chunk: SnapshotChunk) => 'pass' | 'lose' | 'refuse'; onAck: (ack: SnapshotChunkAck) => boolean }
  /** Lets time pass until the transfer has ended. */
  untilFinished(): Promise<void>
}

async function createFixture(isAccepted = true): Promise<Fixture> {
  const clock = new VirtualClock()
  const [source, target] = [await createState(ENTRY_COUNT), await createState(0)]
  const chunks: SnapshotChunk[] = []
  const finished: boolean[] = []
  const channel: Fixture['channel'] = { onChunk: () => 'pass', onAck: () => true }
  const sender = new SnapshotSender({
    state: source,
    clock,
    logger: silentLog,
    observer: silentObserver,
    chunkSizeBytes: 2_000,
    firstTransferId: 7,
    send: (_to, message) => {
      if (message.type !== 'SnapshotChunk') return false
      chunks.push(message)
      const fate = channel.onChunk(message)
      if (fate === 'pass') clock.after(1, () => receiver.onChunk('a/1', message))
      return fate !== 'refuse'
    },
    addressOf: () => 'b:7000',
    leaderTerm: () => 3,
    membershipAt: () => ({ members: [] }),
    onFinished: (_member, ok) => finished.push(ok),
  })
  const receiver = new SnapshotReceiver({
    state: target,
    clock,
    logger: silentLog,
    observer: silentObserver,
    send: (_to, ack) => {
      if (channel.onAck(ack)) clock.after(1, () => sender.onAck(MEMBER, ack))
    },
    offer: (_from, _term, meta) => {
      if (isAccepted) void install(receiver, meta)
    },
  })
  const untilFinished = async (): Promise<void> => {
    for (let step = 0; step < STEPS_MAX && finished.length === 0; step++) {
      clock.step()
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(finished).toHaveLength(1)
  }
  return { clock, sender, receiver, source, target, chunks, finished, channel, untilFinished }
}

async function install(receiver: SnapshotReceiver, meta: SnapshotMeta): Promise<void> {
  await receiver.takeStaged().commit(meta)
  receiver.installed()
}

describe('a snapshot transfer', () => {
  test('gives the member the whole state, in several chunks', async () => {
    const { chunks, finished, sender, target, untilFinished } = await createFixture()
    sender.start(MEMBER)
    await untilFinished()
    expect(finished).toEqual([true])
    expect(chunks.length).toBeGreaterThan(5)
    expect(target.appliedIndex).toBe(ENTRY_COUNT)
    expect(target.installedSnapshot).toMatchObject({ index: ENTRY_COUNT, term: 1 })
    expect(target.reader.get('value', ROOT_ENTITY_ID, Buffer.from(`k${ENTRY_COUNT}`), 0)?.value).toEqual(VALUE)
  })

  test('survives the loss of any one chunk but the first, and of any one answer', async () => {
    const { chunks, sender, untilFinished } = await createFixture()
    sender.start(MEMBER)
    await untilFinished()
    for (let lost = 0; lost < chunks.length; lost++) {
      for (const kind of lost === 0 ? (['answer'] as const) : (['chunk', 'answer'] as const)) {
        const fixture = await createFixture()
        let isLost = false
        const isFirst = (sequence: number): boolean => {
          if (isLost || sequence !== lost) return false
          isLost = true
          return true
        }
        if (kind === 'chunk') fixture.channel.onChunk = ({ sequence }) => (isFirst(sequence) ? 'lose' : 'pass')
        else fixture.channel.onAck = ({ sequence }) => !isFirst(sequence)
        fixture.sender.start(MEMBER)
        await fixture.untilFinished()
        expect(fixture.finished).toEqual([true])
        expect(fixture.target.appliedIndex).toBe(ENTRY_COUNT)
      }
    }
  })

  test('begins anew when its first chunk is lost', async () => {
    const { channel, finished, sender, untilFinished } = await createFixture()
    channel.onChunk = ({ sequence }) => (sequence === 0 ? 'lose' : 'pass')
    sender.start(MEMBER)
    await untilFinished()
    expect(finished).toEqual([false])
  })

  test('waits for a transport without room', async () => {
    const { channel, chunks, finished, sender, untilFinished } = await createFixture()
    channel.onChunk = () => (chunks.length % 3 === 0 ? 'refuse' : 'pass')
    sender.start(MEMBER)
    await untilFinished()
    expect(finished).toEqual([true])
  })

  test('ends when the connection is lost, since a member that restarted knows nothing of it', async () => {
    const { channel, finished, sender, untilFinished } = await createFixture()
    channel.onChunk = ({ last }) => {
      if (last) setImmediate(() => sender.onDisconnect('b:7000'))
      return last ? 'lose' : 'pass'
    }
    sender.start(MEMBER)
    await untilFinished()
    expect(finished).toEqual([false])
  })

  test('ends when nothing is answered for long', async () => {
    const { channel, clock, finished, sender, untilFinished } = await createFixture()
    channel.onAck = () => false
    sender.start(MEMBER)
    await untilFinished()
    expect(finished).toEqual([false])
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(10_000)
  })

  test('ends when the content arrives damaged, and nothing of it is kept', async () => {
    const fixture = await createFixture()
    const { channel, chunks, finished, sender, target, untilFinished } = fixture
    channel.onChunk = () => {
      const chunk = chunks.at(-1)
      if (chunk?.sequence === 2) chunk.data[100] = (chunk.data[100] ?? 0) ^ 1
      return 'pass'
    }
    sender.start(MEMBER)
    await untilFinished()
    expect(finished).toEqual([false])
    expect(target.appliedIndex).toBe(0)
  })

  test('is discarded when the member needs nothing of it, which is no failure', async () => {
    const { finished, sender, target, untilFinished } = await createFixture(false)
    sender.start(MEMBER)
    await untilFinished()
    expect(finished).toEqual([true])
    expect(target.appliedIndex).toBe(0)
  })

  test('holds the log back from the index that it covers', async () => {
    const { sender, untilFinished } = await createFixture()
    expect(sender.lowestIndex()).toBe(Number.POSITIVE_INFINITY)
    sender.start(MEMBER)
    await new Promise((resolve) => setImmediate(resolve))
    expect(sender.lowestIndex()).toBe(ENTRY_COUNT)
    await untilFinished()
    expect(sender.lowestIndex()).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('a receiver', () => {
  test('refuses chunks of a transfer whose beginning it does not know', async () => {
    const { channel, receiver } = await createFixture()
    const acks: SnapshotChunkAck[] = []
    channel.onAck = (ack) => acks.push(ack) < 0
    receiver.onChunk('a/1', {
      type: 'SnapshotChunk',
      transferId: 99,
      term: 3,
      sequence: 4,
      meta: null,
      last: false,
      data: new Uint8Array(1),
    })
    expect(acks).toEqual([{ type: 'SnapshotChunkAck', transferId: 99, sequence: 4, ok: false }])
  })
})
