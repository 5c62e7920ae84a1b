// The gate before a node stops. A node that stays a member waits until the others are a quorum without it. One that is not wanted
// any more waits until it is removed: as long as it runs it can vote for that.
import { hostname } from 'node:os'
import { delay, systemClock } from '../base/clock.ts'
import { Cluster } from '../client/cluster.ts'
import type { LeaveOutcome } from '../client/cluster.ts'
import type { HttpClient } from '../client/http.ts'
import type { CommandContext, Line } from './command.ts'

const TIMEOUT_MS_DEFAULT = 10_000
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
  const { 'linger-ms': lingerMs, reconciler, 'timeout-ms': timeoutMs } = context.flags
  const startedAtMs = performance.now()
  const waitMs = typeof timeoutMs === 'number' ? timeoutMs : TIMEOUT_MS_DEFAULT
  const http = await context.nodeClient(nodeId)
  const isWatched = typeof reconciler === 'string' && reconciler !== ''
  const { leader, reason, safe } = isWatched
    ? await new Gate(context, nodeId, http, reconciler).pass(startedAtMs + waitMs)
    : await new Cluster(http).leave(waitMs)
  await sleep(startedAtMs + (typeof lingerMs === 'number' ? lingerMs : 0) - performance.now())
  const line: Line = safe
    ? { text: `${nodeId} may stop: ${reason}`, colour: 'bright-green' }
    : { text: `${nodeId} is still needed: ${reason}`, colour: 'yellow' }
  context.console.result(context.format, { lines: [line], json: { safe, leader, reason } })
  if (!safe) context.exitWith(EXIT_DEGRADED)
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

  async pass(deadlineMs: number): Promise<LeaveOutcome> {
    const leftMs = (): number => Math.max(0, Math.round(deadlineMs - performance.now()))
    const node = new Cluster(this.#http)
    let isCondemned = await this.#firstVerdict(deadlineMs)
    for (let askAgainAtMs = performance.now() + ASK_AGAIN_MS; ;) {
      if (isCondemned) {
        if (await this.#isRemoved()) return { safe: true, leader: null, reason: 'it was removed from the cluster' }
      } else {
        const sliceMs = Math.min(LEAVE_SLICE_MS, leftMs())
        const askedAtMs = performance.now()
        const outcome = await node.leave(sliceMs)
        if (outcome.safe || performance.now() - askedAtMs < sliceMs - EARLY_MS || leftMs() === 0) return outcome
      }
      if (leftMs() === 0) return { safe: false, leader: null, reason: 'it was not removed from the cluster in time' }
      await sleep(Math.min(POLL_MS, leftMs()))
      if (performance.now() < askAgainAtMs) continue
      isCondemned = (await this.#verdict()) ?? isCondemned
      askAgainAtMs = performance.now() + ASK_AGAIN_MS
    }
  }

  /** Without an answer nobody is condemned. */
  async #firstVerdict(deadlineMs: number): Promise<boolean> {
    const giveUpAtMs = Math.min(deadlineMs, performance.now() + RECONCILER_WAIT_MS)
    for (;;) {
      const verdict = await this.#verdict()
      if (verdict !== null || performance.now() >= giveUpAtMs) return verdict === true
      await sleep(POLL_MS)
    }
  }

  /** Whether the reconciler says that the node is not wanted; null when it says nothing. */
  async #verdict(): Promise<boolean | null> {
    try {
      const url = new URL(`/condemned/${encodeURIComponent(this.#nodeId)}`, this.#reconciler)
      const answer = await fetch(url, { signal: AbortSignal.timeout(QUESTION_TIMEOUT_MS) })
      if (!answer.ok) return null
      const body: unknown = await answer.json()
      return typeof body === 'object' && body !== null && 'condemned' in body && body.condemned === true
    } catch {
      return null
    }
  }

  /** Only what a leader says counts. A removed node soon knows none: then another member is asked. */
  async #isRemoved(): Promise<boolean> {
    const members =
      (await this.#membersSeenBy(this.#http)) ?? (await Promise.any(this.#others.map(this.#askOther)).catch(() => null))
    if (members === null) return false
    this.#others = members.filter((member) => member !== this.#nodeId)
    return !members.includes(this.#nodeId)
  }

  /** Rejects when it does not know. */
  readonly #askOther = async (nodeId: string): Promise<readonly string[]> => {
    const http = this.#otherClients.get(nodeId) ?? (await this.#context.nodeClient(nodeId))
    this.#otherClients.set(nodeId, http)
    const members = await this.#membersSeenBy(http)
    if (members === null) throw new Error(`${nodeId} knows no leader`)
    return members
  }

  /** Null when the node does not answer, or knows no leader. */
  async #membersSeenBy(http: HttpClient): Promise<readonly string[] | null> {
    try {
      const { leader, members } = await new Cluster(http).status({ timeoutMs: STATUS_TIMEOUT_MS })
      return leader === null ? null : members.map((member) => member.nodeId)
    } catch {
      return null
    }
  }
}

function sleep(durationMs: number): Promise<void> {
  return delay(systemClock, Math.max(0, durationMs))
}
