// Gathers what a batch changes, for the listener.
import type { Change, ChangeListener } from './changes.ts'

export class ChangeCollector {
  readonly #listener: ChangeListener | null
  readonly #changes: Change[] = []

  constructor(listener: ChangeListener | null) {
    this.#listener = listener
  }

  /** Somebody wants to know. */
  get isHeard(): boolean {
    return this.#listener !== null
  }

  add(change: Change): void {
    if (this.#listener !== null) this.#changes.push(change)
  }

  get count(): number {
    return this.#changes.length
  }

  /** Forgets all but the first `count` changes. */
  truncate(count: number): void {
    this.#changes.length = count
  }

  /** Tells the listener, once the batch is visible. */
  tell(): void {
    this.#listener?.onApplied(this.#changes)
  }
}
