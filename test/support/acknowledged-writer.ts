// Writers that remember which writes were acknowledged, for tests that break a cluster under load and count what is lost. A
// request that failed is sent again until it succeeds: to set the same value twice is the same as once.

const READ_CONCURRENCY = 8
const ANSWER_TIMEOUT_MS = 10_000
/** How long the last write of each worker may take when the load ends. */
const LAST_WRITE_MS = 20_000
const RETRY_PAUSE_MS = 20
/** How long one read may be refused for its rate, or find no way to its node. */
const READ_MS = 30_000

/** Where to send the next request: addresses change when pods or containers move. */
type Target = () => string

export interface AcknowledgedReport {
  readonly acknowledged: number
  readonly failed: number
  /** Failed requests by why: the code of an error of the connection, or the error type of an answer. */
  readonly failures: Readonly<Record<string, number>>
  /** Writes that were sent and never acknowledged, however often. */
  readonly abandoned: number
  /** The longest time in which no writer had an acknowledgement. */
  readonly longestGapMs: number
}

interface ReadAnswer {
  readonly status: number
  readonly text: string
  /** NaN where the answer names no time. */
  readonly retryAfterMs: number
}

export class AcknowledgedWriter {
  readonly #targets: readonly Target[]
  readonly #apiKey: string
  readonly #pauseMs: number
  readonly #acknowledged = new Map<string, string>()
  #isRunning = true
  readonly #failures = new Map<string, number>()
  #abandonedCount = 0
  #longestGapMs = 0
  #lastAcknowledged = performance.now()
  readonly #workers: readonly Promise<void>[]

  /**
   * Starts `concurrency` writers, each through its own target first and through the next one after a failure. Each waits `pauseMs`
   * between two writes, where a machine is too small to be filled by the load.
   */
  constructor(targets: readonly Target[], apiKey: string, concurrency = 4, pauseMs = 0) {
    this.#targets = targets
    this.#apiKey = apiKey
    this.#pauseMs = pauseMs
    this.#workers = Array.from({ length: concurrency }, (_, worker) => this.#write(worker))
  }

  get acknowledgedCount(): number {
    return this.#acknowledged.size
  }

  /** Ends the load once the writes under way are acknowledged. */
  async stop(): Promise<AcknowledgedReport> {
    this.#isRunning = false
    await Promise.all(this.#workers)
    return {
      acknowledged: this.#acknowledged.size,
      failed: [...this.#failures.values()].reduce((sum, count) => sum + count, 0),
      failures: Object.fromEntries(this.#failures),
      abandoned: this.#abandonedCount,
      longestGapMs: Math.round(this.#longestGapMs),
    }
  }

  /** Like `longestGapMs` of the report, since the last call. */
  takeLongestGapMs(): number {
    const gapMs = Math.round(this.#longestGapMs)
    this.#longestGapMs = 0
    return gapMs
  }

  /** The keys that were acknowledged but do not hold their value; the reads are spread over the targets. */
  async lost(targets: readonly Target[]): Promise<string[]> {
    const keys = [...this.#acknowledged.keys()]
    const lost: string[] = []
    const readers = Array.from({ length: READ_CONCURRENCY }, async (_, reader) => {
      const target = targets[reader % targets.length]
      if (target === undefined) throw new Error('no target')
      for (let key = keys.pop(); key !== undefined; key = keys.pop()) {
        const { status, text } = await this.#read(target, key)
        if (status !== 200 && status !== 404) throw new Error(`a read answered ${status}: ${text}`)
        if (status === 404 || (JSON.parse(text) as { data: string }).data !== this.#acknowledged.get(key))
          lost.push(key)
      }
    })
    await Promise.all(readers)
    return lost
  }

  /**
   * Readers are faster than a key may be: what is refused for that is asked again when the answer says. So is what got no answer at
   * all, since the way to a node may have to be found anew.
   */
  async #read(target: Target, key: string): Promise<ReadAnswer> {
    const endMs = performance.now() + READ_MS
    for (;;) {
      const answer = await this.#readOnce(target, key).catch((error: unknown) => {
        if (performance.now() > endMs) throw error
        return null
      })
      const pauseMs = answer === null ? RETRY_PAUSE_MS : answer.retryAfterMs
      if (answer !== null && (answer.status !== 429 || !(performance.now() + pauseMs < endMs))) return answer
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }

  async #readOnce(target: Target, key: string): Promise<ReadAnswer> {
    const answer = await fetch(`${target()}/db/api/v1/get?key=${key}`, {
      headers: { authorization: `Bearer ${this.#apiKey}` },
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    })
    const retryAfterMs = Number(answer.headers.get('retry-after') ?? Number.NaN) * 1_000
    return { status: answer.status, text: await answer.text(), retryAfterMs }
  }

  async #write(worker: number): Promise<void> {
    let at = worker
    for (let count = 0; this.#isRunning; count++) {
      const key = `load-${worker}-${count}`
      let deadlineMs = Number.POSITIVE_INFINITY
      for (;;) {
        try {
          await this.#set(this.#targets[at % this.#targets.length], key)
          this.#acknowledge(key)
          if (this.#pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, this.#pauseMs))
          break
        } catch (error) {
          const reason = reasonOf(error)
          this.#failures.set(reason, (this.#failures.get(reason) ?? 0) + 1)
          at += 1
        }
        if (!this.#isRunning) deadlineMs = Math.min(deadlineMs, performance.now() + LAST_WRITE_MS)
        if (performance.now() > deadlineMs) {
          this.#abandonedCount += 1
          return
        }
        // A refused connection fails at once: without a pause the writers would only spin.
        await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS))
      }
    }
  }

  async #set(target: Target | undefined, key: string): Promise<void> {
    if (target === undefined) throw new Error('no target')
    const answer = await fetch(`${target()}/db/api/v1/set`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ key, value: `value-${key}` }),
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    })
    const text = await answer.text()
    if (!answer.ok) throw new RefusedError(answer.status, text)
  }

  #acknowledge(key: string): void {
    const now = performance.now()
    this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#lastAcknowledged)
    this.#lastAcknowledged = now
    this.#acknowledged.set(key, `value-${key}`)
  }
}

/** An answer that is not a success. */
class RefusedError extends Error {
  constructor(status: number, text: string) {
    super(/"error_type":"(\w+)"/.exec(text)?.[1] ?? `answered ${status}`)
  }
}

/** Errors of fetch come from outside of the realm of the tests, where they are no instances of its Error. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as { readonly cause?: { readonly code?: unknown }; readonly message?: unknown }
  return String(cause?.code ?? message ?? error)
}
