// Removes the data of deleted entities. Only the leader does; what is left to do stands in the state, so it goes on after a
// restart and under the next leader.
import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { ENTITIES_PER_PAGE_MAX, PURGE_POLL_INTERVAL_MS, PURGE_RECORDS_PER_COMMAND } from '../contract/limits.ts'
import type { EntityId } from '../state/commands.ts'
import type { StateReader } from '../state/state-reader.ts'
import type { Proposer } from './proposer.ts'
import type { Replicator } from './replicator.ts'

export interface PurgeDriverDeps {
  readonly clock: Clock
  readonly log: Log
  readonly reader: StateReader
  readonly replicator: Replicator
  readonly proposer: Proposer
}

export class PurgeDriver {
  readonly #deps: PurgeDriverDeps
  #timer: Timer | undefined
  #round: Promise<void> | undefined
  #stopping = false
  /** Nothing was left to do at this index; no need to look again until it moves. */
  #idleAtIndex = -1

  constructor(deps: PurgeDriverDeps) {
    this.#deps = deps
  }

  start(): void {
    this.#timer = this.#deps.clock.every(PURGE_POLL_INTERVAL_MS, () => this.#poll(), { unref: true })
  }

  /** Resolves when no command is under way. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#timer?.cancel()
    await this.#round
  }

  #poll(): void {
    if (this.#round !== undefined || this.#stopping || !this.#leads()) return
    if (this.#deps.reader.appliedIndex === this.#idleAtIndex) return
    this.#round = this.#purgeAll().finally(() => {
      this.#round = undefined
    })
  }

  async #purgeAll(): Promise<void> {
    try {
      const index = this.#deps.reader.appliedIndex
      const doomed = this.#doomed()
      for (const entityId of doomed) await this.#purge(entityId)
      if (doomed.length === 0) this.#idleAtIndex = index
    } catch (error) {
      // Leadership lost, overload, an unknown outcome: the next round looks at the state again.
      this.#deps.log.info({ reason: messageOf(error) }, 'purge of deleted entities interrupted')
    }
  }

  async #purge(entityId: EntityId): Promise<void> {
    let done = false
    while (!done && !this.#stopping && this.#leads()) {
      const result = await this.#deps.proposer.submit({
        type: 'entity.purge',
        timeMs: this.#deps.clock.nowMs(),
        entityId,
        countMax: PURGE_RECORDS_PER_COMMAND,
      })
      done = !result.ok || result.done === true
    }
    if (done) this.#deps.log.info({ entityId }, 'deleted entity purged')
  }

  #doomed(): EntityId[] {
    const doomed: EntityId[] = []
    for (let offset = 0; ; offset += ENTITIES_PER_PAGE_MAX) {
      const page = this.#deps.reader.listEntities(offset, ENTITIES_PER_PAGE_MAX)
      for (const entity of page) if (entity.status === 'deleting') doomed.push(entity.entityId)
      if (page.length < ENTITIES_PER_PAGE_MAX) return doomed
    }
  }

  #leads(): boolean {
    return this.#deps.replicator.status().role === 'leader'
  }
}
