// Every key of the state's store and how it is encoded; nothing else in src builds or reads a key.
//
//   byte 0   rest of the key                                        value
//   ------   ----------------------------------------------------   ---------------------------------------------
//   0x00     (the store's own; no caller may use it)                level-store.ts: one link per batch
//   0x01     name (ASCII)                                           record: applied point, installed snapshot
//   0x02     entityId u32                                           record: entity
//   0x03     keyUuid (UTF-8)                                        record: key that authenticates
//   0x04     entityId u32                                           record: usage of the entity
//   0x05     entityId u32                                           record: event window and event quota of the entity
//   0x06     entityId u32                                           record: subscribers of the entity
//   0x10     entityId u32 | key bytes                               record: value
//   0x11     entityId u32 | key bytes                               record: cache entry
//   0x12     expiresAtMs u48 | space u8 | entityId u32 | key bytes  empty: one for each value or cache entry that expires
//   0x13     entityId u32 | revision u48 | key bytes                empty: one for each cache entry that may be evicted
//   0x20     entityId u32 | number u48                              record: event
//
// Integers are big-endian, so byte order is numeric order. A record is record.ts: version, checksum, revision, expiry, payload.
import { assert } from '../base/assert.ts'

/** First byte of the keys that a store keeps for itself. */
export const STORE_PREFIX = 0x00
export const META_PREFIX = 0x01
export const ENTITY_PREFIX = 0x02
export const AUTH_KEY_PREFIX = 0x03
export const USAGE_PREFIX = 0x04
export const EVENT_WINDOW_PREFIX = 0x05
export const SUBSCRIBERS_PREFIX = 0x06
export const VALUE_PREFIX = 0x10
export const CACHE_PREFIX = 0x11
export const EXPIRY_PREFIX = 0x12
export const EVICTION_PREFIX = 0x13
export const EVENT_PREFIX = 0x20

/** The prefixes whose keys go on with an entity id and a key. */
export type DataPrefix = typeof VALUE_PREFIX | typeof CACHE_PREFIX

/** Bytes before the caller's own key in a value or cache key. */
export const DATA_KEY_OFFSET = 5

const EXPIRY_KEY_OFFSET = 12
const EVICTION_KEY_OFFSET = 11
const PREFIX_LAST = 0xff

export interface KeyRange {
  readonly start: Buffer
  readonly end: Buffer
}

export function metaKey(name: string): Buffer {
  return Buffer.concat([Buffer.of(META_PREFIX), Buffer.from(name, 'latin1')])
}

export function entityKey(entityId: number): Buffer {
  return idKey(ENTITY_PREFIX, entityId)
}

export function authKey(keyUuid: string): Buffer {
  return Buffer.concat([Buffer.of(AUTH_KEY_PREFIX), Buffer.from(keyUuid, 'utf8')])
}

export function usageKey(entityId: number): Buffer {
  return idKey(USAGE_PREFIX, entityId)
}

export function eventWindowKey(entityId: number): Buffer {
  return idKey(EVENT_WINDOW_PREFIX, entityId)
}

export function subscribersKey(entityId: number): Buffer {
  return idKey(SUBSCRIBERS_PREFIX, entityId)
}

/** The events of an entity are numbered one by one. */
export function eventKey(entityId: number, number: number): Buffer {
  const bytes = Buffer.allocUnsafe(11)
  bytes[0] = EVENT_PREFIX
  bytes.writeUInt32BE(entityId, 1)
  bytes.writeUIntBE(number, 5, 6)
  return bytes
}

/** All events of an entity. */
export function eventRange(entityId: number): KeyRange {
  const start = idKey(EVENT_PREFIX, entityId)
  return { start, end: successorOfPrefix(start) }
}

export function dataKey(prefix: DataPrefix, entityId: number, key: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(DATA_KEY_OFFSET + key.length)
  bytes[0] = prefix
  bytes.writeUInt32BE(entityId, 1)
  bytes.set(key, DATA_KEY_OFFSET)
  return bytes
}

/** The entity id of any key that begins with a prefix and an entity id. */
export function entityIdOfKey(key: Buffer): number {
  return key.readUInt32BE(1)
}

/** The key in the expiry index of the value or cache entry at `storeKey`. */
export function expiryKey(expiresAtMs: number, storeKey: Uint8Array): Buffer {
  assert(storeKey.length >= DATA_KEY_OFFSET, 'only values and cache entries expire')
  const bytes = Buffer.allocUnsafe(7 + storeKey.length)
  bytes[0] = EXPIRY_PREFIX
  bytes.writeUIntBE(expiresAtMs, 1, 6)
  bytes.set(storeKey, 7)
  return bytes
}

/** What an expiry key says: when, and the key of the value or cache entry that expires. */
export function parseExpiryKey(key: Buffer): { readonly expiresAtMs: number; readonly storeKey: Buffer } {
  assert(key.length >= EXPIRY_KEY_OFFSET && key[0] === EXPIRY_PREFIX, 'not an expiry key')
  return { expiresAtMs: key.readUIntBE(1, 6), storeKey: key.subarray(7) }
}

/** The key in the eviction index of the cache entry at `storeKey`, written in the entry `revision`. */
export function evictionKey(revision: number, storeKey: Uint8Array): Buffer {
  assert(storeKey[0] === CACHE_PREFIX && storeKey.length >= DATA_KEY_OFFSET, 'only cache entries are evicted')
  const bytes = Buffer.allocUnsafe(6 + storeKey.length)
  bytes.set(storeKey.subarray(0, DATA_KEY_OFFSET))
  bytes[0] = EVICTION_PREFIX
  bytes.writeUIntBE(revision, DATA_KEY_OFFSET, 6)
  bytes.set(storeKey.subarray(DATA_KEY_OFFSET), EVICTION_KEY_OFFSET)
  return bytes
}

/** What an eviction key says: the key of the cache entry. */
export function storeKeyOfEviction(key: Buffer): Buffer {
  assert(key.length >= EVICTION_KEY_OFFSET && key[0] === EVICTION_PREFIX, 'not an eviction key')
  return dataKey(CACHE_PREFIX, entityIdOfKey(key), key.subarray(EVICTION_KEY_OFFSET))
}

/** The eviction index of an entity. */
export function evictionRange(entityId: number): KeyRange {
  const start = idKey(EVICTION_PREFIX, entityId)
  return { start, end: successorOfPrefix(start) }
}

/** All keys that start with the byte `prefix`. */
export function prefixRange(prefix: number): KeyRange {
  assert(prefix < PREFIX_LAST, 'prefix must leave room for an end')
  return { start: Buffer.of(prefix), end: Buffer.of(prefix + 1) }
}

/** All keys but the store's own. */
export function wholeRange(): KeyRange {
  return { start: Buffer.of(STORE_PREFIX + 1), end: Buffer.of(PREFIX_LAST) }
}

/** The keys of an entity that start with `keyPrefix`. */
export function dataRange(prefix: DataPrefix, entityId: number, keyPrefix: Uint8Array): KeyRange {
  const start = dataKey(prefix, entityId, keyPrefix)
  return { start, end: successorOfPrefix(start) }
}

/** The least key that is greater than every key with this prefix. */
function successorOfPrefix(prefix: Buffer): Buffer {
  let length = prefix.length
  while (length > 0 && prefix[length - 1] === 0xff) length -= 1
  assert(length > 0, 'prefix must leave room for an end')
  const end = Buffer.from(prefix.subarray(0, length))
  end[length - 1] = (end[length - 1] ?? 0) + 1
  return end
}

function idKey(prefix: number, id: number): Buffer {
  const bytes = Buffer.allocUnsafe(5)
  bytes[0] = prefix
  bytes.writeUInt32BE(id, 1)
  return bytes
}
