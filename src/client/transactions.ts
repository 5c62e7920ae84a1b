// Several operations in one request: each for itself (batch), or all of them or none (txn).
import type { HttpClient } from './http.ts'
import { routeNamed } from './http.ts'
import type { CallOptions } from './options.ts'
import { asList, asNumber, asObject } from './parse.ts'

interface OnKey {
  /** Default `value`. */
  readonly space?: 'value' | 'cache'
  readonly key: string
}

/** One operation, with the names of the API: see "Operations" in docs/API.md. */
export type Operation =
  | (OnKey & { readonly op: 'set' | 'setnx'; readonly value: string; readonly ttl_ms?: number })
  | (OnKey & { readonly op: 'cas'; readonly old_value: string; readonly new_value: string; readonly ttl_ms?: number })
  | (OnKey & { readonly op: 'cas'; readonly revision: number; readonly new_value: string; readonly ttl_ms?: number })
  | (OnKey & { readonly op: 'bump'; readonly value: string; readonly min?: number | null })
  | (OnKey & { readonly op: 'expire'; readonly ttl_ms: number | null })
  | (OnKey & { readonly op: 'delete' })
  | { readonly op: 'publish'; readonly topic?: string; readonly data: unknown }

/** What must hold for the branch `then` of a txn. */
export type Comparison =
  | (OnKey & { readonly op: 'value'; readonly value: string })
  | (OnKey & { readonly op: 'exists' | 'missing' })
  | (OnKey & { readonly op: 'revision'; readonly revision: number })

/** What became of one operation: `{ok: true, revision, …}` or `{ok: false, error_type, message}`. */
export type OperationResult = Readonly<Record<string, unknown>> & { readonly ok: boolean }

export interface TxnOutcome {
  /** True: every comparison held and `then` was carried out; false: `else` was. */
  readonly succeeded: boolean
  readonly revision: number
  readonly results: readonly OperationResult[]
}

export class Transactions {
  readonly #http: HttpClient
  readonly #batchRoute = routeNamed('batch')
  readonly #txnRoute = routeNamed('txn')

  constructor(http: HttpClient) {
    this.#http = http
  }

  /** Carries out operations in order and in one commit; one that is refused stops no other. */
  async batch(operations: readonly Operation[], options: CallOptions = {}): Promise<readonly OperationResult[]> {
    const answer = asObject(await this.#http.call(this.#batchRoute, { operations }, options), 'the answer')
    return asResults(answer.results)
  }

  /** Compares, then carries out one of two lists: all of it or nothing. A refused operation refuses the whole with its code. */
  async txn(
    lists: {
      readonly compare?: readonly Comparison[]
      readonly then?: readonly Operation[]
      readonly else?: readonly Operation[]
    },
    options: CallOptions = {},
  ): Promise<TxnOutcome> {
    const answer = asObject(await this.#http.call(this.#txnRoute, { ...lists }, options), 'the answer')
    return {
      succeeded: answer.succeeded === true,
      revision: asNumber(answer.revision, 'revision'),
      results: asResults(answer.results),
    }
  }
}

function asResults(value: unknown): readonly OperationResult[] {
  return asList(value, 'results').map((item) => {
    const result = asObject(item, 'a result')
    return { ...result, ok: result.ok === true }
  })
}
