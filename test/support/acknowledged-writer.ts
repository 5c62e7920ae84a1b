// Writers that remember which writes were acknowledged, for tests that break a cluster under load and count what is lost.

const READ_CONCURRENCY = 8
const ANSWER_TIMEOUT_MS = 10_000

/** Where to send the next request: addresses change when pods or containers move. */
type Target = () => string

export class AcknowledgedWriter {
  readonly #targets: readonly Target[]
  readonly #apiKey: string
  readonly #acknowledged = new Map<string, string>()
  #isRunning = true
  #failedCount = 0
  #longestGapMs = 0
  #lastAcknowledged = performance.now()
  readonly #workers: readonly Promise<void>[]

  /** Starts `concurrency` writers, each through its own target first and through the next one after a failure. */
  constructor(targets: readonly Target[], apiKey: string, concurrency = 4) {
    this.#targets = targets
    this.#apiKey = apiKey
    this.#workers = Array.from({ length: concurrency }, (_, worker) => this.#write(worker))
  }

  get acknowledgedCount(): number {
    return this.#acknowledged.size
  }

  /** Ends the load. `longestGapMs` is the longest time in which no writer had an acknowledgement. */
  async stop(): Promise<{ acknowledged: number; failed: number; longestGapMs: number }> {
    this.#isRunning = false
    await Promise.all(this.#workers)
    return {
      acknowledged: this.#acknowledged.size,
      failed: this.#failedCount,
      longestGapMs: Math.round(this.#longestGapMs),
    }
  }

  /** The keys that were acknowledged but do not hold their value; the reads are spread over the targets. */
  async lost(targets: readonly Target[]): Promise<string[]> {
    const keys = [...this.#acknowledged.keys()]
    const lost: string[] = []
    const readers = Array.from({ length: READ_CONCURRENCY }, async (_, reader) => {
      const target = targets[reader % targets.length]
      if (target === undefined) throw new Error('no target')
      for (let key = keys.pop(); key !== undefined; key = keys.pop()) {
        const answer = await fetch(`${target()}/db/api/v1/get?key=${key}`, {
          headers: { authorization: `Bearer ${this.#apiKey}` },
          signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
        })
        const text = await answer.text()
        if (answer.status !== 200 && answer.status !== 404) throw new Error(`a read answered ${answer.status}: ${text}`)
        if (answer.status === 404 || (JSON.parse(text) as { data: string }).data !== this.#acknowledged.get(key))
          lost.push(key)
      }
    })
    await Promise.all(readers)
    return lost
  }

  async #write(worker: number): Promise<void> {
    let at = worker
    for (let count = 0; ; count++) {
      if (!this.#isRunning) return
      const key = `load-${worker}-${count}`
      const target = this.#targets[at % this.#targets.length]
      if (target === undefined) throw new Error('no target')
      try {
        const answer = await fetch(`${target()}/db/api/v1/set`, {
          method: 'POST',
          headers: { authorization: `Bearer ${this.#apiKey}`, 'content-type': 'application/json' },
          body: JSON.stringify({ key, value: `value-${key}` }),
          signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
        })
        await answer.text()
        if (!answer.ok) throw new Error(`answered ${answer.status}`)
        this.#acknowledge(key)
      } catch {
        this.#failedCount += 1
        at += 1
        // A refused connection fails at once: without a pause the writers would only spin.
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }

  #acknowledge(key: string): void {
    const now = performance.now()
    this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#lastAcknowledged)
    this.#lastAcknowledged = now
    this.#acknowledged.set(key, `value-${key}`)
  }
}
