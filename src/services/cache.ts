// The cache of an entity: the same operations as the value store, with a time to live and the memory quota.
import { KeyValueService } from './key-values.ts'
import type { KeyValueDeps } from './key-values.ts'

export interface CacheOptions {
  /** Time to live of an entry written without one; 0: it never expires. */
  readonly standardTtlMs: number
  /** At the memory limit: make room by removing what was written longest ago, or refuse the write. */
  readonly eviction: 'refuse' | 'evict'
}

export class CacheService extends KeyValueService {
  constructor(deps: KeyValueDeps, { standardTtlMs, eviction }: CacheOptions) {
    super(deps, { space: 'cache', standardTtlMs, evict: eviction === 'evict' })
  }
}
