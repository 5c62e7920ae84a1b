// A view of a store under a prefix of keys: scope `a.b` and key `k` make the key `a.b.k`.
import { requireArgument } from './errors.ts'
import type { KeysOptions, KeyValueStore } from './key-value-store.ts'
import type { CallOptions, PageOptions, ReadOptions } from './options.ts'

const SEPARATOR = '.'

/**
 * A stack of scopes in front of a store. A new view has none. Keys that come back keep their scope. Scopes are this view's own
 * affair: the server knows keys only.
 */
export class ScopedStore implements KeyValueStore {
  readonly #store: KeyValueStore
  readonly #scopes: string[] = []

  constructor(store: KeyValueStore) {
    this.#store = store
  }

  /** The scopes, joined by dots; empty when there is none. */
  get scope(): string {
    return this.#scopes.join(SEPARATOR)
  }

  /** Adds a scope. One that holds dots is taken back as a whole. */
  pushScope(scope: string): this {
    requireArgument(scope !== '', 'scope cannot be empty')
    this.#scopes.push(scope)
    return this
  }

  /** Takes the last scope back; does nothing when there is none. */
  popScope(): this {
    this.#scopes.pop()
    return this
  }

  async get(key: string, options?: ReadOptions): Promise<string | undefined> {
    return this.#store.get(this.#scoped(key), options)
  }

  async set(key: string, value: string, options?: CallOptions): Promise<void> {
    await this.#store.set(this.#scoped(key), value, options)
  }

  async setnx(key: string, value: string, options?: CallOptions): Promise<void> {
    await this.#store.setnx(this.#scoped(key), value, options)
  }

  async cas(key: string, change: { oldValue: string; newValue: string }, options?: CallOptions): Promise<void> {
    await this.#store.cas(this.#scoped(key), change, options)
  }

  async delete(key: string, options?: CallOptions): Promise<void> {
    await this.#store.delete(this.#scoped(key), options)
  }

  async iterate(prefix: string, page?: PageOptions): Promise<string[]> {
    return this.#store.iterate(this.#prefixed(prefix), page)
  }

  keys(prefix: string, options?: KeysOptions): AsyncGenerator<string, void> {
    return this.#store.keys(this.#prefixed(prefix), options)
  }

  #scoped(key: string): string {
    requireArgument(key !== '', 'key cannot be empty')
    return this.#prefixed(key)
  }

  #prefixed(text: string): string {
    return this.#scopes.length === 0 ? text : this.scope + SEPARATOR + text
  }
}
