// What applying entries changed, for whoever must hear of it: subscribers, watchers, open streams.
import type { EntityId, Space } from './commands.ts'

export type Change =
  | {
      readonly type: 'event'
      readonly entityId: EntityId
      readonly eventId: number
      readonly topic: string
      /** JSON text. */
      readonly data: Uint8Array
      readonly timeMs: number
    }
  | {
      readonly type: 'write'
      readonly entityId: EntityId
      readonly space: Space
      readonly key: Buffer
      /** Log index of the write; keys that are written together have the same one. */
      readonly revision: number
      /** null: deleted, expired or evicted. */
      readonly value: Uint8Array | null
      readonly expiresAtMs: number
    }
  /** The subscribers' slots of the entity were taken away. */
  | { readonly type: 'shake'; readonly entityId: EntityId; readonly epoch: number }
  /** Deleting an entity names its key first and then each alias. */
  | { readonly type: 'key-deleted'; readonly entityId: EntityId; readonly keyUuid: string; readonly alias: boolean }
  /** A snapshot replaced the state: whatever happened up to `index` and was not heard of yet is not told. */
  | { readonly type: 'installed'; readonly index: number }

export interface ChangeListener {
  /** Called in log order after each batch, once readers see what changed, be it nothing. Must not throw. */
  onApplied(changes: readonly Change[]): void
}
