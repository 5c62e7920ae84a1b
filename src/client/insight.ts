// What administrators see of entities and of the load: every call needs the root key.
import { API_PREFIX } from '../contract/route.ts'
import { routeNamed } from './http.ts'
import type { CallRoute, HttpClient } from './http.ts'
import { parseUsageAndLimits } from './limits.ts'
import type { Limits, Usage } from './limits.ts'
import type { PageOptions, ReadOptions } from './options.ts'
import { asList, asNumber, asObject, asText, asTexts } from './parse.ts'

export interface EntityInsight {
  readonly key: string
  readonly keyUuid: string
  readonly dataScopeUuid: string
  readonly aliases: readonly string[]
  readonly usage: Usage
  readonly limits: Limits
}

/** Operations a second over the last second or so, by kind. */
export interface OperationRates {
  readonly values: number
  readonly cache: number
  readonly events: number
  readonly subscribers: number
  readonly blobs: number
  readonly system: number
}

export const OPERATIONS_ROUTE: CallRoute = {
  name: 'admin.metrics.ops',
  path: `${API_PREFIX}/admin/metrics/ops`,
  listener: 'private',
  kind: 'read',
  method: 'GET',
}

export class Insight {
  readonly #http: HttpClient
  readonly #entityRoute = routeNamed('admin.insight.entity', 'POST')
  readonly #entitiesRoute = routeNamed('admin.insight.entities', 'POST')
  readonly #byAliasRoute = routeNamed('admin.insight.entityByAlias', 'POST')

  constructor(http: HttpClient) {
    this.#http = http
  }

  /** The entity of a key. API_KEY_NOT_FOUND; KEY_IS_ALIAS for an alias. */
  async entity(key: string, options: ReadOptions = {}): Promise<EntityInsight> {
    const answer = await this.#http.call(this.#entityRoute, { root_api_key: key }, options)
    return parseEntity(asObject(answer, 'the answer').entity)
  }

  /** Entities by key UUID, without root. Without a limit: all, at most 10 000. */
  async entities(page: PageOptions = {}): Promise<EntityInsight[]> {
    const fields = { offset: page.offset ?? 0, limit: page.limit ?? 0 }
    const answer = await this.#http.call(this.#entitiesRoute, fields, page)
    return asList(asObject(answer, 'the answer').entities, 'entities').map(parseEntity)
  }

  /** The entity that an alias belongs to. ALIAS_NOT_FOUND. */
  async entityByAlias(alias: string, options: ReadOptions = {}): Promise<EntityInsight> {
    return parseEntity(asObject(await this.#http.call(this.#byAliasRoute, { alias }, options), 'the answer').entity)
  }

  async operationRates(options: ReadOptions = {}): Promise<OperationRates> {
    return parseRates(await this.#http.call(OPERATIONS_ROUTE, {}, options))
  }
}

export function parseRates(value: unknown): OperationRates {
  const rates = asObject(value, 'the rates')
  return {
    values: asNumber(rates.op_vs, 'op_vs'),
    cache: asNumber(rates.op_cache, 'op_cache'),
    events: asNumber(rates.op_events, 'op_events'),
    subscribers: asNumber(rates.op_subscribers, 'op_subscribers'),
    blobs: asNumber(rates.op_blobs, 'op_blobs'),
    system: asNumber(rates.op_system, 'op_system'),
  }
}

function parseEntity(value: unknown): EntityInsight {
  const entity = asObject(value, 'entity')
  return {
    key: asText(entity.root_api_key, 'root_api_key'),
    keyUuid: asText(entity.key_uuid, 'key_uuid'),
    dataScopeUuid: asText(entity.data_scope_uuid, 'data_scope_uuid'),
    aliases: asTexts(entity.aliases, 'aliases'),
    ...parseUsageAndLimits(entity.usage),
  }
}
