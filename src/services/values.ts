// The durable key-value store of an entity.
import type { Caller } from './caller.ts'
import { KeyValueService } from './key-values.ts'
import type { KeyRequest, KeyValueDeps } from './key-values.ts'
import { must } from '../base/assert.ts'

export interface BumpRequest extends KeyRequest {
  readonly delta: bigint
  /** Floor of the result; null: none. */
  readonly min: bigint | null
}

export class ValueService extends KeyValueService {
  constructor(deps: KeyValueDeps) {
    super(deps, { space: 'value', standardTtlMs: 0, evict: false })
  }

  /** The new number as text, with its revision. Rejects with NOT_AN_INTEGER or INTEGER_OVERFLOW. */
  async bump(caller: Caller, { key, delta, min }: BumpRequest): Promise<{ number: string; revision: number }> {
    const { value, revision } = await this.apply(caller, { type: 'kv.bump', ...this.target(caller, key), delta, min })
    return { number: must(value, 'a bump answers the new number'), revision }
  }
}
