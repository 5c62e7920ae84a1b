// Clients of a simulated cluster: each does one operation after the other through any node, and every call and answer is noted
// with its place in the run's order, for the checkers.
import { InsiError, messageOf } from '../../src/base/errors.ts'
import { encodeCommand } from '../../src/state/command-codec.ts'
import { ROOT_ENTITY_ID } from '../../src/state/commands.ts'
import type { Command, CommandResult } from '../../src/state/commands.ts'
import type { SimClock } from './sim-clock.ts'
import type { SimNode } from './sim-node.ts'
import type { SimRandom } from './sim-random.ts'
import type { SimTrace } from './sim-trace.ts'

const KEYS = ['a', 'b', 'c', 'd'] as const
const COUNTERS = ['n', 'm'] as const
/** Pause of a client between two operations. */
const THINK_MS_MAX = 80
/** How often a client does several operations at once through one node, and how many at most. */
const BURST_RATE = 0.15
const BURST_MAX = 6
/** One in so many values is large, so that bytes and not only counts are at work. */
const LARGE_VALUE_ODDS = 16
const LARGE_VALUE_BYTES = 2_000

/** Codes of proposals that certainly were not applied. */
const NOT_APPLIED = new Set(['NO_LEADER', 'OVERLOADED', 'NODE_STOPPING', 'NODE_QUARANTINED'])

/** Everything that an operation may end with. */
const ANSWERS = new Set([...NOT_APPLIED, 'OUTCOME_UNKNOWN', 'READ_TIMEOUT'])

export interface Operation {
  readonly client: number
  readonly nodeId: string
  readonly type: 'read' | 'write'
  readonly key: string
  /** write: the encoded command, unique in the run. */
  readonly command: Buffer | null
  /** Places in the order of all calls and answers. */
  readonly startedAt: number
  endedAt: number
  /** `open` until answered; operations that never are stay so, and may have happened. */
  outcome: 'open' | 'ok' | 'not_applied' | 'unknown'
  /** write, ok. */
  result: CommandResult | null
  /** read, ok: null when the key was missing. */
  readRevision: number | null
}

export class SimClients {
  readonly operations: Operation[] = []
  readonly #clock: SimClock
  readonly #trace: SimTrace
  readonly #nodes: readonly SimNode[]
  readonly #random: SimRandom
  #nextPlace = 1
  #nextValue = 1
  #isActive = true

  constructor(world: { clock: SimClock; trace: SimTrace }, nodes: readonly SimNode[], random: SimRandom) {
    this.#clock = world.clock
    this.#trace = world.trace
    this.#nodes = nodes
    this.#random = random
  }

  start(clientCount: number): void {
    for (let client = 0; client < clientCount; client++) void this.#live(client)
  }

  /** No new operations. */
  stop(): void {
    this.#isActive = false
  }

  get acknowledgedCount(): number {
    return this.operations.filter((operation) => operation.outcome === 'ok').length
  }

  /** One write to `node`; resolves with its operation once it is answered. */
  write(client: number, node: SimNode, key: string, command: Command): Promise<Operation> {
    const operation = this.#begin(client, node, 'write', key, encodeCommand(command))
    return this.#run(operation, node, async (replica) => {
      operation.result = (await replica.propose(operation.command ?? Buffer.alloc(0))) as CommandResult
    })
  }

  read(client: number, node: SimNode, key: string): Promise<Operation> {
    const operation = this.#begin(client, node, 'read', key, null)
    const { state } = node
    return this.#run(operation, node, async (replica) => {
      await replica.readBarrier()
      const record = state?.inner.reader.get('value', ROOT_ENTITY_ID, Buffer.from(key), this.#clock.nowMs())
      operation.readRevision = record?.revision ?? null
    })
  }

  /** A set with a value that no other operation writes. */
  uniqueSet(key: string): Command {
    return { type: 'kv.set', ...this.#target(key), value: this.#uniqueValue(), expiresAtMs: 0 }
  }

  async #live(client: number): Promise<void> {
    while (this.#isActive) {
      await this.#think()
      const node = this.#random.pick(this.#nodes)
      if (!this.#isActive || node.replica === null) continue
      const burst = this.#random.chance(BURST_RATE) ? this.#random.between(2, BURST_MAX) : 1
      await Promise.all(Array.from({ length: burst }, () => this.#operate(client, node)))
    }
  }

  #think(): Promise<void> {
    return new Promise((resolve) => this.#clock.after(1 + this.#random.int(THINK_MS_MAX), resolve))
  }

  #operate(client: number, node: SimNode): Promise<Operation> {
    const draw = this.#random.int(100)
    const key = this.#random.pick(KEYS)
    if (draw < 40) return this.read(client, node, this.#random.chance(0.2) ? this.#random.pick(COUNTERS) : key)
    if (draw < 65) return this.write(client, node, key, this.uniqueSet(key))
    if (draw < 80) {
      const counter = this.#random.pick(COUNTERS)
      const delta = BigInt(this.#random.between(-3, 9))
      const min = this.#random.chance(0.5) ? 0n : null
      return this.write(client, node, counter, { type: 'kv.bump', ...this.#target(counter), delta, min })
    }
    if (draw < 88) return this.write(client, node, key, this.#cas(key))
    if (draw < 94) return this.write(client, node, key, { ...this.uniqueSet(key), type: 'kv.setnx' } as Command)
    return this.write(client, node, key, { type: 'kv.delete', ...this.#target(key) })
  }

  /** Expects a value that was written some time ago: succeeds now and then. */
  #cas(key: string): Command {
    const written = this.operations.filter((operation) => operation.key === key && operation.command !== null).slice(-4)
    const recent = written.length === 0 ? null : this.#random.pick(written)
    const oldValue = recent === null ? Buffer.from('none') : valueOf(recent)
    return { type: 'kv.cas', ...this.#target(key), oldValue, newValue: this.#uniqueValue(), expiresAtMs: 0 }
  }

  /** Times are unique, which makes every command unique. */
  #target(key: string): { space: 'value'; entityId: number; key: Buffer; timeMs: number } {
    return { space: 'value', entityId: ROOT_ENTITY_ID, key: Buffer.from(key), timeMs: this.#nextValue++ }
  }

  #uniqueValue(): Buffer {
    const text = `v${this.#nextValue++}`
    return this.#random.int(LARGE_VALUE_ODDS) === 0
      ? Buffer.from(text.padEnd(LARGE_VALUE_BYTES, '.'))
      : Buffer.from(text)
  }

  #begin(client: number, node: SimNode, type: Operation['type'], key: string, command: Buffer | null): Operation {
    const operation: Operation = {
      client,
      nodeId: node.nodeId,
      type,
      key,
      command,
      startedAt: this.#nextPlace++,
      endedAt: Number.POSITIVE_INFINITY,
      outcome: 'open',
      result: null,
      readRevision: null,
    }
    this.operations.push(operation)
    return operation
  }

  /** Resolves when the operation is answered, or when its node's process is gone and it never will be. */
  #run(
    operation: Operation,
    node: SimNode,
    work: (replica: NonNullable<SimNode['replica']>) => Promise<void>,
  ): Promise<Operation> {
    const { replica } = node
    return new Promise((resolve) => {
      const end = (outcome: Operation['outcome'], text: string): void => {
        if (operation.outcome !== 'open') return
        operation.outcome = outcome
        operation.endedAt = this.#nextPlace++
        watch.cancel()
        this.#trace.line(
          `client ${operation.client} ${operation.type} ${operation.key} at ${operation.nodeId}: ${text}`,
        )
        resolve(operation)
      }
      const watch = this.#clock.every(THINK_MS_MAX, () => {
        if (node.replica === replica) return
        watch.cancel()
        resolve(operation)
      })
      if (replica === null) {
        end('not_applied', 'no process')
        return
      }
      work(replica).then(
        () => end('ok', JSON.stringify(operation.result ?? operation.readRevision)),
        (error: unknown) => {
          const code = error instanceof InsiError ? error.code : ''
          if (!ANSWERS.has(code)) this.#trace.violate(`an operation ended with ${messageOf(error)}`)
          end(NOT_APPLIED.has(code) ? 'not_applied' : 'unknown', `${code} ${messageOf(error)}`)
        },
      )
    })
  }
}

/** The value that an operation's command writes: the rest of it after the last text of this form. */
function valueOf(operation: Operation): Buffer {
  const text = (operation.command ?? Buffer.alloc(0)).toString('latin1')
  const match = /v\d+\.*$/.exec(text)
  return Buffer.from(match?.[0] ?? 'none')
}
