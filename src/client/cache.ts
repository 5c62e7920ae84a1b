// The cache of an entity: entries expire, and may be evicted at the memory limit.
import type { HttpClient } from './http.ts'
import { HttpStore, storeRoutes } from './key-value-store.ts'
import { asTexts } from './parse.ts'

export class Cache extends HttpStore {
  constructor(http: HttpClient) {
    super(http, storeRoutes('cache'), (answer) => asTexts(answer, 'the answer'))
  }
}
