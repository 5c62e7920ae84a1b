// ReplaceableStore over MemoryStore, for tests and the simulation: it stands for the node's disk and survives crash().
import { assert } from '../base/assert.ts'
import { MemoryStore } from './memory-store.ts'
import type { ReplaceableStore } from './ordered-store.ts'

export class ReplaceableMemoryStore implements ReplaceableStore {
  #current: MemoryStore
  #replacement: MemoryStore | null = null

  constructor(current: MemoryStore = new MemoryStore()) {
    this.#current = current
  }

  current(): MemoryStore {
    return this.#current
  }

  async beginReplacement(): Promise<MemoryStore> {
    await this.abortReplacement()
    this.#replacement = new MemoryStore()
    return this.#replacement
  }

  async commitReplacement(): Promise<void> {
    assert(this.#replacement !== null, 'no replacement was begun')
    await this.#replacement.batch([], { sync: true })
    const old = this.#current
    this.#current = this.#replacement
    this.#replacement = null
    await old.close()
  }

  async abortReplacement(): Promise<void> {
    await this.#replacement?.close()
    this.#replacement = null
  }

  async close(): Promise<void> {
    await this.abortReplacement()
    await this.#current.close()
  }

  /** What a restart finds; see MemoryStore.crash(). This object and its stores are closed. */
  crash(keepUnsyncedPrefix: number): ReplaceableMemoryStore {
    this.#replacement?.crash(0)
    return new ReplaceableMemoryStore(this.#current.crash(keepUnsyncedPrefix))
  }
}
