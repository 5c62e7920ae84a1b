// The durable values of an entity.
import type { HttpClient } from './http.ts'
import { routeNamed } from './http.ts'
import { HttpStore, requireKey, storeRoutes } from './key-value-store.ts'
import { ClientError, requireArgument } from './errors.ts'
import type { CallOptions } from './options.ts'
import { asObject, asText, asTexts } from './parse.ts'

const INTEGER = /^[+-]?\d+$/

export class Values extends HttpStore {
  readonly #bumpRoute = routeNamed('value.bump')

  constructor(http: HttpClient) {
    super(http, storeRoutes('value'), (answer) => asTexts(asObject(answer, 'the answer').data, 'data'))
  }

  /**
   * Adds `by` to the integer that `key` holds (a missing key counts as 0) and returns the sum. Exact within 64 bits. The
   * result is raised to `floor` when it is below: 0 unless stated, null for none. NOT_AN_INTEGER, INTEGER_OVERFLOW.
   */
  async bump(
    key: string,
    by: bigint | number | string,
    options: CallOptions & { floor?: bigint | number | null } = {},
  ): Promise<bigint> {
    requireKey(key)
    const value = String(by)
    requireArgument(INTEGER.test(value), `not an integer: ${value}`)
    const { floor, ...callOptions } = options
    const fields = { key, value, ...(floor === undefined ? {} : { min: wireFloor(floor) }) }
    const answer = await this.http.call(this.#bumpRoute, fields, callOptions)
    const sum = asText(asObject(answer, 'the answer').data, 'data')
    if (!INTEGER.test(sum))
      throw new ClientError('UNEXPECTED_ANSWER', 'the answer is not as documented: not an integer')
    return BigInt(sum)
  }
}

// JSON numbers are exact up to 2^53 only.
function wireFloor(floor: bigint | number | null): number | null {
  if (floor === null) return null
  const number = Number(floor)
  requireArgument(Number.isSafeInteger(number), 'floor is not an integer below 2^53')
  return number
}
