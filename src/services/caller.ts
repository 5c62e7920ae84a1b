// Who makes a request, as authentication found it.
import type { EntityId } from '../state/commands.ts'

export interface Caller {
  readonly kind: 'root' | 'entity' | 'alias'
  /** Whose data and limits the request uses. */
  readonly entityId: EntityId
  /** The entity's own key, also for its aliases; the configured root prefix for root. */
  readonly keyUuid: string
  /** The key that was presented; differs from `keyUuid` for an alias. */
  readonly presentedKeyUuid: string
  /** Name of the isolated namespace; the configured root prefix for root. */
  readonly scope: string
}
