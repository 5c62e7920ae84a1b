// Aliases: further keys of an entity, which share its data and limits and can be taken back one by one.
import { routeNamed } from './http.ts'
import type { HttpClient } from './http.ts'
import type { CallOptions, ReadOptions } from './options.ts'
import { asObject, asText, asTexts } from './parse.ts'

export class Aliases {
  readonly #http: HttpClient
  // The route takes GET too, but a cache or a prefetch may repeat a GET, and each makes a key.
  readonly #setRoute = routeNamed('alias.set', 'POST')
  readonly #deleteRoute = routeNamed('alias.delete')
  readonly #listRoute = routeNamed('alias.list')

  constructor(http: HttpClient) {
    this.#http = http
  }

  /** Makes an alias and returns its token. ALIAS_OF_ROOT, ALIAS_OF_ALIAS, ALIAS_LIMIT_REACHED. */
  async add(options: CallOptions = {}): Promise<string> {
    return asText(asObject(await this.#http.call(this.#setRoute, {}, options), 'the answer').alias, 'alias')
  }

  /** Takes an alias back; needs the key that it belongs to. ALIAS_NOT_FOUND, ALIAS_NOT_OWNED, ALIAS_DELETE_BY_ALIAS. */
  async delete(alias: string, options: CallOptions = {}): Promise<void> {
    await this.#http.call(this.#deleteRoute, { alias }, options)
  }

  /** The aliases of the client's key, or of the parent when that is an alias itself. */
  async list(options: ReadOptions = {}): Promise<string[]> {
    return asTexts(asObject(await this.#http.call(this.#listRoute, {}, options), 'the answer').aliases, 'aliases')
  }
}
