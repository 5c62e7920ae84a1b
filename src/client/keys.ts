// The keys of entities, for administrators: every call needs the root key.
import { requireArgument } from './errors.ts'
import { routeNamed } from './http.ts'
import type { HttpClient } from './http.ts'
import type { CallOptions } from './options.ts'
import { asObject, asText } from './parse.ts'

/** A new entity. The key is shown this once. */
export interface CreatedKey {
  readonly name: string
  readonly key: string
}

export class Keys {
  readonly #http: HttpClient
  readonly #createRoute = routeNamed('admin.api.create')
  readonly #deleteRoute = routeNamed('admin.api.delete')

  constructor(http: HttpClient) {
    this.#http = http
  }

  /** Creates an entity. Names need not be unique. INVALID_NAME. */
  async create(name: string, options: CallOptions = {}): Promise<CreatedKey> {
    requireArgument(name !== '', 'keyName cannot be empty')
    const answer = asObject(await this.#http.call(this.#createRoute, { key_name: name }, options), 'the answer')
    return { name: asText(answer.key_name, 'key_name'), key: asText(answer.key, 'key') }
  }

  /** Deletes an entity with its aliases and data, or an alias alone when `key` is one. API_KEY_NOT_FOUND. */
  async delete(key: string, options: CallOptions = {}): Promise<void> {
    requireArgument(key !== '', 'apiKey cannot be empty')
    await this.#http.call(this.#deleteRoute, { key }, options)
  }
}
