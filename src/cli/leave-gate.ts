// The gate before a node stops. A node that stays a member waits until the others are a quorum without it. One that is not wanted
// any more waits until it is removed: as long as it runs it can vote for that.
import { hostname } from 'node:os'
import { delay, systemClock } from '../base/clock.ts'
import { Cluster } from '../client/cluster.ts'
import type { LeaveOutcome } from '../client/cluster.ts'
import type { HttpClient } from '../client/http.ts'
import type { CommandContext, Line } from './command.ts'

const TIMEOUT_MS_DEFAULT = 10_000
const REMOVAL_TIMEOUT_MS_DEFAULT = 60_000
const EXIT_DEGRADED = 3
const POLL_MS = 200
/** A reconciler that is being replaced is waited for this long; then the node is taken for one that stays. */
const RECONCILER_WAIT_MS = 10_000
const QUESTION_TIMEOUT_MS = 2_000
const STATUS_TIMEOUT_MS = 1_000
/** How often the reconciler is asked again: who scales down may change their mind. */
const ASK_AGAIN_MS = 2_000
/** The node waits in pieces, so that the reconciler can be asked in between. */
const LEAVE_SLICE_MS = 3_000
/** An answer this much before its time says that waiting is useless. */
const EARLY_MS = 500

/** Exits with 0 once the node may stop, with 3 when the time was up first. */
export async function leaveGate(context: CommandContext): Promise<void> {
  const nodeId = context.args[0] ?? hostname()
  const { reconciler } = context.flags
  const milliseconds = (name: string, otherwise: number): number => {
    const value = context.flags[name]
    return typeof value === 'number' ? value : otherwise
  }
  const startedAtMs = performance.now()
  const waitMs = milliseconds('timeout-ms', TIMEOUT_MS_DEFAULT)
  const removalMs = milliseconds('removal-timeout-ms', REMOVAL_TIMEOUT_MS_DEFAULT)
  const http = await context.nodeClient(nodeId)
  const isWatched = typeof reconciler === 'string' && reconciler !== ''
  const { leader, reason, safe } = isWatched
    ? await new Gate(context, nodeId, http, reconciler).pass(startedAtMs + waitMs, startedAtMs + removalMs)
    : await new Cluster(http).leave(waitMs)
  await sleep(startedAtMs + milliseconds('linger-ms', 0) - performance.now())
  const line: Line = safe
    ? { text: `${nodeId} may stop: ${reason}`, colour: 'bright-green' }
    : { text: `${nodeId} is still needed: ${reason}`, colour: 'yellow' }
  context.console.result(context.format, { lines: [line], json: { safe, leader, reason } })
  if (!safe) context.exitWith(EXIT_DEGRADED)
}

/** What the reconciler knows: the node stays, it goes for good, or the whole cluster stops. */
const VERDICTS = ['wanted', 'condemned', 'asleep'] as const
type Verdict = (typeof VERDICTS)[number]

interface View {
  readonly hasLeader: boolean
  readonly members: readonly string[]
}

class Gate {
  readonly #context: CommandContext
  readonly #nodeId: string
  readonly #http: HttpClient
  readonly #reconciler: string
  /** Other members, to ask once the node itself knows no leader any more. */
  #others: readonly string[] = []
  readonly #otherClients = new Map<string, HttpClient>()

  constructor(context: CommandContext, nodeId: string, http: HttpClient, reconciler: string) {
    this.#context = context
    this.#nodeId = nodeId
    this.#http = http
    this.#reconciler = reconciler
  }

  /** Waits until `deadlineMs`, or until `removalDeadlineMs` while the node is not wanted. */
  async pass(deadlineMs: number, removalDeadlineMs: number): Promise<LeaveOutcome> {
    const node = new Cluster(this.#http)
    let verdict = await this.#firstVerdict(deadlineMs)
    for (let askAgainAtMs = performance.now() + ASK_AGAIN_MS; ;) {
      if (verdict === 'asleep') return { safe: true, leader: null, reason: 'the whole cluster stops' }
      const endMs = verdict === 'condemned' ? removalDeadlineMs : deadlineMs
      const leftMs = Math.max(0, Math.round(endMs - performance.now()))
      if (verdict === 'condemned') {
        if (await this.#isRemoved()) return { safe: true, leader: null, reason: 'it was removed from the cluster' }
        if (leftMs === 0) return { safe: false, leader: null, reason: 'it was not removed from the cluster in time' }
      } else {
        const sliceMs = Math.min(LEAVE_SLICE_MS, leftMs)
        const askedAtMs = performance.now()
        const outcome = await node.leave(sliceMs)
        if (outcome.safe || leftMs === 0 || performance.now() - askedAtMs < sliceMs - EARLY_MS) return outcome
      }
      await sleep(Math.min(POLL_MS, leftMs))
      if (performance.now() < askAgainAtMs) continue
      verdict = (await this.#verdict()) ?? verdict
      askAgainAtMs = performance.now() + ASK_AGAIN_MS
    }
  }

  /** Without an answer the node is taken for one that stays. */
  async #firstVerdict(deadlineMs: number): Promise<Verdict> {
    const giveUpAtMs = Math.min(deadlineMs, performance.now() + RECONCILER_WAIT_MS)
    for (;;) {
      const verdict = await this.#verdict()
      if (verdict !== null || performance.now() >= giveUpAtMs) return verdict ?? 'wanted'
      await sleep(POLL_MS)
    }
  }

  /** What the reconciler says; null when it says nothing. */
  async #verdict(): Promise<Verdict | null> {
    try {
      const url = new URL(`/condemned/${encodeURIComponent(this.#nodeId)}`, this.#reconciler)
      const answer = await fetch(url, { signal: AbortSignal.timeout(QUESTION_TIMEOUT_MS) })
      const body: unknown = await answer.json()
      if (!answer.ok || typeof body !== 'object' || body === null || !('verdict' in body)) return null
      return VERDICTS.find((known) => known === body.verdict) ?? null
    } catch (error) {
      // There is no such service: nobody will ever answer.
      return codeOf(error) === 'ENOTFOUND' ? 'wanted' : null
    }
  }

  /** Only what a leader says counts. A removed node knows none: then the members that it remembers are asked. */
  async #isRemoved(): Promise<boolean> {
    const own = await this.#seenBy(this.#http)
    if (own !== null) this.#others = own.members.filter((member) => member !== this.#nodeId)
    const told = own?.hasLeader === true ? own : await Promise.any(this.#others.map(this.#askOther)).catch(() => null)
    return told !== null && !told.members.includes(this.#nodeId)
  }

  /** Rejects when it does not know. */
  readonly #askOther = async (nodeId: string): Promise<View> => {
    const http = this.#otherClients.get(nodeId) ?? (await this.#context.nodeClient(nodeId))
    this.#otherClients.set(nodeId, http)
    const view = await this.#seenBy(http)
    if (view?.hasLeader !== true) throw new Error(`${nodeId} knows no leader`)
    return view
  }

  /** Null when the node does not answer. */
  async #seenBy(http: HttpClient): Promise<View | null> {
    try {
      const { leader, members } = await new Cluster(http).status({ timeoutMs: STATUS_TIMEOUT_MS })
      return { hasLeader: leader !== null, members: members.map((member) => member.nodeId) }
    } catch {
      return null
    }
  }
}

function codeOf(error: unknown): unknown {
  const cause: unknown = error instanceof Error ? error.cause : undefined
  return typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
}

function sleep(durationMs: number): Promise<void> {
  return delay(systemClock, Math.max(0, durationMs))
}
