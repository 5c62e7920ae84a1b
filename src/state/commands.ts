// The commands that change the state, and what applying them answers. The binary codec is command-codec.ts.
// Everything that apply needs is in the command: time, ids, expiry, limits. Nothing in apply reads a clock, chance or configuration.

/** `value`: the durable store; `cache`: the cache. Both are replicated; they differ in quota and in the default expiry. */
export type Space = 'value' | 'cache'

/** Short internal id of an entity; prefixes its keys. ROOT_ENTITY_ID is root's own data scope. */
export type EntityId = number
export const ROOT_ENTITY_ID: EntityId = 0

/** Limits of an entity; null means unlimited. */
export interface EntityLimits {
  readonly diskBytes: number | null
  readonly memoryBytes: number | null
  readonly eventsPerDay: number | null
  readonly subscribers: number | null
  readonly dataRequestsPerSecond: number | null
  readonly eventRequestsPerSecond: number | null
}

interface Timed {
  /** Wall time of the proposing service in ms since the epoch; the state's own time is the maximum it has seen. */
  readonly timeMs: number
}

interface KeyCommand extends Timed {
  readonly space: Space
  readonly entityId: EntityId
  readonly key: Uint8Array
}

/** Creates or replaces. `expiresAtMs` 0: never. */
export interface SetCommand extends KeyCommand {
  readonly type: 'kv.set'
  readonly value: Uint8Array
  readonly expiresAtMs: number
}

/** Creates; rejected with KEY_EXISTS when the key exists. */
export interface SetnxCommand extends KeyCommand {
  readonly type: 'kv.setnx'
  readonly value: Uint8Array
  readonly expiresAtMs: number
}

/** Replaces when the current value equals `oldValue`; rejected with CAS_MISMATCH or CAS_KEY_MISSING. */
export interface CasCommand extends KeyCommand {
  readonly type: 'kv.cas'
  readonly oldValue: Uint8Array
  readonly newValue: Uint8Array
  readonly expiresAtMs: number
}

/** Adds `delta` to a decimal int64 (missing: 0), floored at `min` (null: no floor). The result's value is the new number as text. */
export interface BumpCommand extends KeyCommand {
  readonly type: 'kv.bump'
  readonly delta: bigint
  readonly min: bigint | null
}

/** Removes; succeeds when the key does not exist. */
export interface DeleteCommand extends KeyCommand {
  readonly type: 'kv.delete'
}

/** Creates an entity with its key. `defaultLimits` come from the proposing node's configuration. */
export interface EntityCreateCommand extends Timed {
  readonly type: 'entity.create'
  readonly keyUuid: string
  readonly scopeUuid: string
  readonly name: string
  /** SHA-256 of the token: lets a token outlive a rotation of the instance secret. Not a secret. */
  readonly tokenDigest: Uint8Array
  readonly limits: EntityLimits
}

/** Marks an entity as being deleted: its key and aliases stop at once; entity.purge removes its data. KEY_NOT_FOUND when unknown. */
export interface EntityDeleteCommand extends Timed {
  readonly type: 'entity.delete'
  readonly keyUuid: string
}

/** Removes up to `countMax` records of an entity that is being deleted, and the entity itself with the last one. */
export interface EntityPurgeCommand extends Timed {
  readonly type: 'entity.purge'
  readonly entityId: EntityId
  readonly countMax: number
}

/** Changes the given limits. ENTITY_NOT_FOUND when unknown. */
export interface LimitsSetCommand extends Timed {
  readonly type: 'limits.set'
  readonly entityId: EntityId
  readonly limits: Partial<EntityLimits>
}

/** Creates an alias key; rejected with ALIAS_LIMIT_REACHED at ALIASES_PER_ENTITY_MAX. */
export interface AliasCreateCommand extends Timed {
  readonly type: 'alias.create'
  readonly entityId: EntityId
  readonly keyUuid: string
  readonly tokenDigest: Uint8Array
}

/** Removes an alias key of the entity; rejected with ALIAS_NOT_FOUND. */
export interface AliasDeleteCommand extends Timed {
  readonly type: 'alias.delete'
  readonly entityId: EntityId
  readonly keyUuid: string
}

export type Command =
  | SetCommand
  | SetnxCommand
  | CasCommand
  | BumpCommand
  | DeleteCommand
  | EntityCreateCommand
  | EntityDeleteCommand
  | EntityPurgeCommand
  | LimitsSetCommand
  | AliasCreateCommand
  | AliasDeleteCommand

/** Codes that apply may reject with; all stand in contract/errors.ts. */
export type RejectionCode =
  | 'KEY_EXISTS'
  | 'CAS_MISMATCH'
  | 'CAS_KEY_MISSING'
  | 'NOT_AN_INTEGER'
  | 'INTEGER_OVERFLOW'
  | 'DISK_LIMIT_EXCEEDED'
  | 'MEMORY_LIMIT_EXCEEDED'
  | 'ENTITY_NOT_FOUND'
  | 'API_KEY_NOT_FOUND'
  | 'ALIAS_NOT_FOUND'
  | 'ALIAS_LIMIT_REACHED'
  | 'COMMAND_UNKNOWN'

/** `revision`: the log index of the write. `details`: numbers for the answer's headers (`current`, `limit`). */
export type CommandResult =
  | {
      readonly ok: true
      readonly revision: number
      /** bump: the new number. */
      readonly value?: string
      /** entity.create: the new entity. */
      readonly entityId?: EntityId
      /** entity.purge: records removed, and whether the entity is gone. */
      readonly removedCount?: number
      readonly done?: boolean
    }
  | { readonly ok: false; readonly code: RejectionCode; readonly details?: Readonly<Record<string, number>> }
