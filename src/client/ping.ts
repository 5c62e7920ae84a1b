// Ping: checks a key and says which node answers.
import { routeNamed } from './http.ts'
import type { HttpClient } from './http.ts'
import type { CallOptions } from './options.ts'
import { asObject, asText } from './parse.ts'

/** As the node answers it; all values are text. */
export interface PingAnswer extends Readonly<Record<string, string>> {
  /** Name of the key's entity: `root`, or `alias_for_…` for an alias. */
  readonly entity: string
  /** Raft address of the leader; empty when the node knows none. */
  readonly leader: string
  /** UUID of the node that answers. */
  readonly 'node-badge-id': string
  readonly status: string
  /** Such as `2m53.8s`. */
  readonly uptime: string
}

/** Asks who answers. AUTHENTICATION_FAILED for a key that does not exist. */
export async function ping(http: HttpClient, options: CallOptions = {}): Promise<PingAnswer> {
  const answer = asObject(await http.call(routeNamed('ping'), {}, options), 'the answer')
  const texts = Object.entries(answer).map(([name, value]) => [name, asText(value, name)])
  return Object.fromEntries(texts) as PingAnswer
}
