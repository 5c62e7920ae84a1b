// The commands on the cache.
import { Cache } from '../client/cache.ts'
import { storeCommands } from './store.ts'

export const { get, set, setnx, cas, remove, iterate, ttl, expire, persist, entries, count, deleteRange, watch } =
  storeCommands({
    open: (http) => new Cache(http),
    missing: (key) => `Error: Key '${key}' not found in cache.`,
    exists: (key) => `Conflict: Key '${key}' already exists in cache.`,
    mismatch: (key) => `Precondition Failed: Cache compare-and-swap failed for key '${key}'.`,
    logsConflicts: false,
  })
