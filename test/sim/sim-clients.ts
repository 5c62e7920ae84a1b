// Clients of a simulated cluster: each does one operation after the other through any node, and every call and answer is noted
// with its place in the run's order, for the checkers.
import { InsiError, messageOf } from '../../src/base/errors.ts'
import { encodeCommand } from '../../src/state/command-codec.ts'
import type { CommandResult } from '../../src/state/commands.ts'
import type { SimClock } from './sim-clock.ts'
import type { SimNode } from './sim-node.ts'
import type { SimRandom } from './sim-random.ts'
import { observe } from './sim-reads.ts'
import type { Observation } from './sim-reads.ts'
import type { SimTrace } from './sim-trace.ts'
import { Workload } from './workload.ts'
import type { Work } from './workload.ts'

/** Pause of a client between two operations. */
const THINK_MS_MAX = 80
/** How often a client does several operations at once through one node, and how many at most. */
const BURST_RATE = 0.15
const BURST_MAX = 6
/** Characters of an answer that a line of the trace has. */
const ANSWER_CHARS_MAX = 120

/** Codes of proposals that certainly were not applied. */
const NOT_APPLIED = new Set(['NO_LEADER', 'OVERLOADED', 'NODE_STOPPING', 'NODE_QUARANTINED'])

/** Everything that an operation may end with. */
const ANSWERS = new Set([...NOT_APPLIED, 'OUTCOME_UNKNOWN', 'READ_TIMEOUT'])

export interface Operation {
  readonly client: number
  readonly nodeId: string
  readonly work: Work
  /** write: the encoded command, unique in the run. */
  readonly bytes: Buffer | null
  /** Places in the order of all calls and answers. */
  readonly startedAt: number
  endedAt: number
  /** `open` until answered; operations that never are stay so, and may have happened. */
  outcome: 'open' | 'ok' | 'not_applied' | 'unknown'
  /** write, ok. */
  result: CommandResult | null
  /** read, ok. */
  observed: Observation | null
}

export class SimClients {
  readonly operations: Operation[] = []
  readonly workload: Workload
  readonly #clock: SimClock
  readonly #trace: SimTrace
  readonly #nodes: readonly SimNode[]
  readonly #random: SimRandom
  readonly #usedTimes = new Set<number>()
  #nextPlace = 1
  #isActive = true

  constructor(world: { clock: SimClock; trace: SimTrace }, nodes: readonly SimNode[], random: SimRandom) {
    this.#clock = world.clock
    this.#trace = world.trace
    this.#nodes = nodes
    this.#random = random
    this.workload = new Workload(random.fork())
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

  /** A set with a value that no other operation writes. */
  write(client: number, node: SimNode, key: string): Promise<Operation> {
    return this.#do(client, node, this.workload.set(key, this.#uniqueTime(node)))
  }

  read(client: number, node: SimNode, key: string): Promise<Operation> {
    return this.#do(client, node, this.workload.get(key))
  }

  /** Resolves with the operation once it is answered. */
  #do(client: number, node: SimNode, work: Work): Promise<Operation> {
    const { state } = node
    const operation = this.#begin(client, node, work)
    return this.#run(operation, node, async (replica) => {
      if (work.type === 'write') {
        const result = (await replica.propose(operation.bytes ?? Buffer.alloc(0))) as CommandResult
        operation.result = result
        this.workload.acknowledged(work.command, result)
      } else if (state !== null) {
        await replica.readBarrier()
        operation.observed = await observe(state, work.request, node.nowMs)
        this.workload.observed(work.request, operation.observed)
      }
    })
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
    return this.#do(client, node, this.workload.next(this.#uniqueTime(node)))
  }

  /** The wall time of a node, moved on until no other command has it. */
  #uniqueTime(node: SimNode): number {
    let timeMs = node.nowMs
    while (this.#usedTimes.has(timeMs)) timeMs += 1
    this.#usedTimes.add(timeMs)
    return timeMs
  }

  #begin(client: number, node: SimNode, work: Work): Operation {
    const operation: Operation = {
      client,
      nodeId: node.nodeId,
      work,
      bytes: work.type === 'write' ? encodeCommand(work.command) : null,
      startedAt: this.#nextPlace++,
      endedAt: Number.POSITIVE_INFINITY,
      outcome: 'open',
      result: null,
      observed: null,
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
        const { client, nodeId, work: done } = operation
        this.#trace.line(`client ${client} ${done.name} at ${nodeId}: ${text.slice(0, ANSWER_CHARS_MAX)}`)
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
        () => end('ok', operation.observed?.text ?? JSON.stringify(operation.result)),
        (error: unknown) => {
          const code = error instanceof InsiError ? error.code : ''
          if (!ANSWERS.has(code)) this.#trace.violate(`an operation ended with ${messageOf(error)}`)
          end(NOT_APPLIED.has(code) ? 'not_applied' : 'unknown', `${code} ${messageOf(error)}`)
        },
      )
    })
  }
}
