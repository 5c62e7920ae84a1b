// The cache of an entity: the same operations as the value store, with a time to live and the memory quota.
import { KeyValueService } from './key-values.ts'
import type { KeyValueDeps } from './key-values.ts'

export class CacheService extends KeyValueService {
  constructor(deps: KeyValueDeps, options: { readonly standardTtlMs: number }) {
    super(deps, { space: 'cache', standardTtlMs: options.standardTtlMs })
  }
}
