// A map whose changes are seen by the transaction at once and by everybody else after commit().

export class StagedMap<Key, Value> {
  readonly #committed = new Map<Key, Value>()
  /** undefined: deleted. */
  readonly #staged = new Map<Key, Value | undefined>()

  /** As the transaction sees it. */
  get(key: Key): Value | undefined {
    return this.#staged.size > 0 && this.#staged.has(key) ? this.#staged.get(key) : this.#committed.get(key)
  }

  /** As readers see it. */
  getCommitted(key: Key): Value | undefined {
    return this.#committed.get(key)
  }

  set(key: Key, value: Value): void {
    this.#staged.set(key, value)
  }

  delete(key: Key): void {
    this.#staged.set(key, undefined)
  }

  /** A function that takes back whatever is done to the key from now on until the next commit. */
  undoOf(key: Key): () => void {
    const isStaged = this.#staged.has(key)
    const value = this.#staged.get(key)
    return () => {
      if (isStaged) this.#staged.set(key, value)
      else this.#staged.delete(key)
    }
  }

  /** What was changed since the last commit; undefined: deleted. */
  staged(): ReadonlyMap<Key, Value | undefined> {
    return this.#staged
  }

  committedEntries(): IterableIterator<[Key, Value]> {
    return this.#committed.entries()
  }

  committedValues(): IterableIterator<Value> {
    return this.#committed.values()
  }

  /** Shows the changes to readers; whether there were any. */
  commit(): boolean {
    const changed = this.#staged.size > 0
    for (const [key, value] of this.#staged) {
      if (value === undefined) this.#committed.delete(key)
      else this.#committed.set(key, value)
    }
    this.#staged.clear()
    return changed
  }
}
