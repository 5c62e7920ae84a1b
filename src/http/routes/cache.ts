// The routes of the cache.
import type { CacheService } from '../../services/cache.ts'
import type { Handlers } from '../endpoints.ts'
import { keysJson, storeHandlers } from './store.ts'
import { payloadWords } from './words.ts'

const WORDS = {
  set: payloadWords('set cache'),
  setnx: payloadWords('set cache nx'),
  cas: payloadWords('cache cas'),
  expire: payloadWords('expire cache'),
  delete: payloadWords('delete cache'),
  deleteRange: payloadWords('delete cache range'),
}

export function cacheHandlers(cache: CacheService, options: { readonly valueSizeBytesMax: number }): Handlers {
  return storeHandlers('cache', cache, { ...options, keyList: keysJson, words: WORDS })
}
