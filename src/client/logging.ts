// How much a node logs. Every call needs the root key and is about the node that answers.
import { routeNamed } from './http.ts'
import type { HttpClient } from './http.ts'
import { asObject, asText } from './parse.ts'

export interface NodeLogLevel {
  readonly nodeId: string
  readonly level: string
}

export class Logging {
  readonly #http: HttpClient
  readonly #getRoute = routeNamed('admin.log.get', 'GET')
  readonly #setRoute = routeNamed('admin.log.set', 'POST')

  constructor(http: HttpClient) {
    this.#http = http
  }

  async level(): Promise<NodeLogLevel> {
    return parseLevel(await this.#http.call(this.#getRoute, {}))
  }

  /** `debug`, `info`, `warn` or `error`. INVALID_FIELD for anything else. */
  async setLevel(level: string): Promise<NodeLogLevel> {
    return parseLevel(await this.#http.call(this.#setRoute, { level }))
  }
}

function parseLevel(answer: unknown): NodeLogLevel {
  const { level, node_id: nodeId } = asObject(answer, 'the answer')
  return { nodeId: asText(nodeId, 'node_id'), level: asText(level, 'level') }
}
