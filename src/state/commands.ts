// The commands that change the state, and what applying them answers. The binary codec is command-codec.ts.
// Everything that apply needs is in the command: time, ids, expiry, limits. Nothing in apply reads a clock, chance or configuration.

/** Ids of events that one log entry can give. */
export const EVENTS_PER_ENTRY_MAX = 1024

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

/** A command that writes a value, and so may need room. */
interface WriteCommand extends KeyCommand {
  /** In the cache: at the memory limit, entries that were written longest ago make room instead of the write being refused. */
  readonly evict?: boolean
}

/** Creates or replaces. `expiresAtMs` 0: never. */
interface SetCommand extends WriteCommand {
  readonly type: 'kv.set'
  readonly value: Uint8Array
  readonly expiresAtMs: number
}

/** Creates; rejected with KEY_EXISTS when the key exists. */
interface SetnxCommand extends WriteCommand {
  readonly type: 'kv.setnx'
  readonly value: Uint8Array
  readonly expiresAtMs: number
}

/** Replaces when the current value equals `oldValue`; rejected with CAS_MISMATCH or CAS_KEY_MISSING. */
export interface CasCommand extends WriteCommand {
  readonly type: 'kv.cas'
  readonly oldValue: Uint8Array
  readonly newValue: Uint8Array
  readonly expiresAtMs: number
}

/** Replaces when the current revision is `revision` (0: the key must not exist); rejected with REVISION_MISMATCH {current}. */
export interface CasRevisionCommand extends WriteCommand {
  readonly type: 'kv.cas-revision'
  readonly revision: number
  readonly newValue: Uint8Array
  readonly expiresAtMs: number
}

/** Changes when a key expires (0: never), which is a new revision of it; rejected with KEY_NOT_FOUND. */
export interface ExpireCommand extends KeyCommand {
  readonly type: 'kv.expire'
  readonly expiresAtMs: number
}

/** Adds `delta` to a decimal int64 (missing: 0), floored at `min` (null: no floor). The result's value is the new number as text. */
export interface BumpCommand extends WriteCommand {
  readonly type: 'kv.bump'
  readonly delta: bigint
  readonly min: bigint | null
}

/** Removes; succeeds when the key does not exist. */
interface DeleteCommand extends KeyCommand {
  readonly type: 'kv.delete'
}

/** Removes the first `countMax` keys with the prefix. The result says how many they were, and whether none is left. */
export interface DeleteRangeCommand extends Timed {
  readonly type: 'kv.delete-range'
  readonly space: Space
  readonly entityId: EntityId
  readonly prefix: Uint8Array
  readonly countMax: number
}

/**
 * Publishes an event and keeps it in the entity's window: at least until it is older than `retainMs` or newer events fill
 * `retainSizeBytes`. The result has its `eventId`; rejected with EVENTS_LIMIT_EXCEEDED {current, limit}.
 */
export interface EventPublishCommand extends Timed {
  readonly type: 'event.publish'
  readonly entityId: EntityId
  readonly topic: string
  /** JSON text. */
  readonly data: Uint8Array
  readonly retainMs: number
  readonly retainSizeBytes: number
}

/** Takes a slot for a subscriber on a member. The result has the entity's `epoch`; rejected with SUBSCRIBER_LIMIT_EXCEEDED. */
export interface SubscriptionAcquireCommand extends Timed {
  readonly type: 'subscription.acquire'
  readonly entityId: EntityId
  readonly memberId: string
}

/** Gives back `count` slots that were acquired in `epoch`; those of an older epoch are void, and nothing changes. */
export interface SubscriptionReleaseCommand extends Timed {
  readonly type: 'subscription.release'
  readonly entityId: EntityId
  readonly memberId: string
  readonly count: number
  readonly epoch: number
}

/** Sets what a member holds, of all entities; those that are not named become 0. With no counts at all it frees a dead member's slots. */
export interface SubscriptionReportCommand extends Timed {
  readonly type: 'subscription.report'
  readonly memberId: string
  readonly counts: readonly (readonly [entityId: EntityId, count: number])[]
}

/** Takes all slots of an entity away on every member and begins a new epoch. The result: `removedCount` and `epoch`. */
export interface SubscriptionShakeCommand extends Timed {
  readonly type: 'subscription.shake'
  readonly entityId: EntityId
}

/** What txn and batch consist of. Their `entityId` and `timeMs` are those of the whole. */
export type OperationCommand = KvCommand | EventPublishCommand

/** A condition of a txn on one key. */
export type Compare = { readonly space: Space; readonly key: Uint8Array } & (
  | { readonly type: 'value'; readonly value: Uint8Array }
  | { readonly type: 'exists' }
  | { readonly type: 'missing' }
  /** The key exists with this revision. */
  | { readonly type: 'revision'; readonly revision: number }
)

/**
 * Carries out `then` when every comparison holds, `else` otherwise; all of it or nothing. The result says which (`succeeded`)
 * and has the `results` of its operations. When one is rejected, the whole is rejected with its code and details, and
 * details.operation is its place in the branch.
 */
export interface TxnCommand extends Timed {
  readonly type: 'txn'
  readonly entityId: EntityId
  /** Each list has at most TXN_OPERATIONS_MAX. */
  readonly compare: readonly Compare[]
  readonly then: readonly OperationCommand[]
  readonly else: readonly OperationCommand[]
}

/** Carries out each command for itself; the result has the `results` of all, in order. At most BATCH_COMMANDS_MAX. */
export interface BatchCommand extends Timed {
  readonly type: 'batch'
  readonly entityId: EntityId
  readonly commands: readonly OperationCommand[]
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

/**
 * Carries out a command of an alias, which proposed it while it existed as far as its node knew: rejected with ENTITY_NOT_FOUND
 * when the alias is gone by the time the command has its place in the log. Commands of an entity's own key need no such check,
 * since they are refused by the state of the entity.
 */
interface AliasActCommand extends Timed {
  readonly type: 'alias.act'
  readonly keyUuid: string
  readonly command: DirectCommand
}

/** The commands on one key. */
export type KvCommand =
  SetCommand | SetnxCommand | CasCommand | CasRevisionCommand | BumpCommand | DeleteCommand | ExpireCommand

export type Command = DirectCommand | AliasActCommand

/** What a command may be that another one holds. Its `timeMs` is that of the whole. */
export type DirectCommand =
  | KvCommand
  | DeleteRangeCommand
  | EventPublishCommand
  | SubscriptionAcquireCommand
  | SubscriptionReleaseCommand
  | SubscriptionReportCommand
  | SubscriptionShakeCommand
  | TxnCommand
  | BatchCommand
  | EntityCreateCommand
  | EntityDeleteCommand
  | EntityPurgeCommand
  | LimitsSetCommand
  | AliasCreateCommand
  | AliasDeleteCommand

/** Codes that apply may reject with; all stand in contract/errors.ts. */
export type RejectionCode =
  | 'KEY_EXISTS'
  | 'KEY_NOT_FOUND'
  | 'CAS_MISMATCH'
  | 'CAS_KEY_MISSING'
  | 'REVISION_MISMATCH'
  | 'NOT_AN_INTEGER'
  | 'INTEGER_OVERFLOW'
  | 'DISK_LIMIT_EXCEEDED'
  | 'MEMORY_LIMIT_EXCEEDED'
  | 'EVENTS_LIMIT_EXCEEDED'
  | 'SUBSCRIBER_LIMIT_EXCEEDED'
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
      /** entity.purge, kv.delete-range: records removed. subscription.shake: slots taken away. */
      readonly removedCount?: number
      /** entity.purge: whether the entity is gone. kv.delete-range: whether no key with the prefix is left. */
      readonly done?: boolean
      /** event.publish: orders all events of the cluster. A safe integer: index * EVENTS_PER_ENTRY_MAX + place in the entry. */
      readonly eventId?: number
      /** subscription.acquire and .shake: slots belong to an epoch; a shake begins the next one. */
      readonly epoch?: number
      /** txn: whether `then` was carried out. */
      readonly succeeded?: boolean
      /** txn, batch: of each operation that was carried out. */
      readonly results?: readonly CommandResult[]
    }
  | { readonly ok: false; readonly code: RejectionCode; readonly details?: Readonly<Record<string, number>> }
