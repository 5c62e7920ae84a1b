// All that the committed entries did, in order, as a sequential store does it: the answer of each, the versions of each key,
// every event, and when entities lived.
import { must } from '../../src/base/assert.ts'
import type { LogIndex } from '../../src/raft/types.ts'
import type { EntityId, Space } from '../../src/state/commands.ts'
import { ROOT_ENTITY_ID } from '../../src/state/commands.ts'
import { byText, isOver } from './model-entity.ts'
import type { ModelEvent, ModelRecord, ModelWrite } from './model-entity.ts'
import { StateModel } from './state-model.ts'
import type { ModelOutcome } from './state-model.ts'

/** One value of a key, from its write until the next one. */
interface Version {
  readonly from: LogIndex
  readonly record: ModelRecord | null
}

export interface FoundRecord extends ModelRecord {
  readonly key: string
}

export class CommittedHistory {
  readonly model = new StateModel()
  /** Position 0 is index 1. */
  readonly outcomes: ModelOutcome[] = []
  readonly writes: ModelWrite[] = []
  readonly events: ModelEvent[] = []
  /** Encoded command (one character a byte) → where it was committed. */
  readonly #indexes = new Map<string, LogIndex[]>()
  readonly #versions = new Map<string, Map<string, Version[]>>()
  /** When the deletion of each entity began. */
  readonly #deletedAt = new Map<EntityId, LogIndex>()
  readonly #createdAt = new Map<EntityId, LogIndex>([[ROOT_ENTITY_ID, 0]])

  /** Takes in the next entry; `data` is null when it is no command. */
  add(data: Buffer | null): ModelOutcome {
    const index = this.outcomes.length + 1
    const outcome = this.model.apply(index, data)
    this.outcomes.push(outcome)
    if (data !== null) {
      const text = data.toString('latin1')
      this.#indexes.set(text, [...(this.#indexes.get(text) ?? []), index])
    }
    this.writes.push(...outcome.writes)
    this.events.push(...outcome.events)
    for (const write of outcome.writes) this.#addVersion(write)
    const { command, result } = outcome
    if (result?.ok === true && result.entityId !== undefined) {
      const lives = command?.type === 'entity.create' ? this.#createdAt : this.#deletedAt
      if (!lives.has(result.entityId)) lives.set(result.entityId, index)
    }
    return outcome
  }

  at(index: LogIndex): ModelOutcome {
    return must(this.outcomes[index - 1], `nothing was committed at ${index}`)
  }

  /** Where an encoded command was committed. */
  indexesOf(command: Buffer): readonly LogIndex[] {
    return this.#indexes.get(command.toString('latin1')) ?? []
  }

  isActive(entityId: EntityId, index: LogIndex): boolean {
    const createdAt = this.#createdAt.get(entityId) ?? Number.POSITIVE_INFINITY
    return createdAt <= index && (this.#deletedAt.get(entityId) ?? Number.POSITIVE_INFINITY) > index
  }

  /** The records with a prefix after the entry at `index` that have not expired at `nowMs`, in byte order. */
  recordsAt(space: Space, entityId: EntityId, prefix: string, index: LogIndex, nowMs: number): FoundRecord[] {
    const found: FoundRecord[] = []
    for (const [key, versions] of this.#versions.get(`${space} ${entityId}`) ?? []) {
      if (!key.startsWith(prefix)) continue
      const record = versions.findLast(({ from }) => from <= index)?.record ?? null
      if (record !== null && !isOver(record.expiresAtMs, nowMs)) found.push({ key, ...record })
    }
    return found.sort((one, other) => byText(one.key, other.key))
  }

  #addVersion({ space, entityId, key, revision: from, record }: ModelWrite): void {
    const scope = `${space} ${entityId}`
    const keys = this.#versions.get(scope) ?? new Map<string, Version[]>()
    this.#versions.set(scope, keys)
    const versions = keys.get(key)
    if (versions === undefined) keys.set(key, [{ from, record }])
    else versions.push({ from, record })
  }
}
