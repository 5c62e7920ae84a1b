// What a read waits for before it may look at the state of this node.
import { currentTrace } from '../base/request-trace.ts'
import { insiError } from '../contract/errors.ts'
import type { Consistency } from '../contract/route.ts'
import type { StateReader } from '../state/state-reader.ts'
import type { Caller } from './caller.ts'
import type { Replicator } from './replicator.ts'

/** Message for a key that was deleted while its request was under way. */
export const KEY_DELETED = 'Unauthorized: the API key was deleted.'

export class ReadGate {
  readonly #reader: StateReader
  readonly #replicator: Replicator

  constructor(deps: { readonly reader: StateReader; readonly replicator: Replicator }) {
    this.#reader = deps.reader
    this.#replicator = deps.replicator
  }

  /**
   * Resolves when the state holds every write acknowledged before the call (`linearizable`), or at once (`local`).
   * Rejects with NO_LEADER or READ_TIMEOUT, and with AUTHENTICATION_FAILED when the caller's key turns out to be deleted.
   */
  async enter(caller: Caller, consistency: Consistency): Promise<void> {
    if (consistency === 'local') return
    const trace = currentTrace()
    trace?.enter('barrier')
    await this.#replicator.readBarrier()
    trace?.enter('read')
    if (caller.kind === 'root') return
    // The key was looked up before the barrier; on a follower its deletion may have arrived with it.
    const key = this.#reader.key(caller.presentedKeyUuid)
    if (key === undefined || this.#reader.entity(key.entityId)?.status !== 'active') {
      throw insiError('AUTHENTICATION_FAILED', KEY_DELETED)
    }
  }
}
