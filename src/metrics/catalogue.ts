// Every series of a node: name, type, unit, labels and help in one list, split by noun. docs/METRICS.md is made from it,
// dashboards and alerts are checked against it. Names end in their unit; counters end in `_total`; durations are in seconds.
import { HTTP_SERIES } from './catalogue-http.ts'
import { RAFT_SERIES } from './catalogue-raft.ts'
import { STORAGE_SERIES } from './catalogue-storage.ts'
import { TENANT_SERIES } from './catalogue-tenants.ts'
import type { SeriesTable } from './series.ts'

export { ENTITY_SERIES } from './catalogue-tenants.ts'

/** Values that a label can have, where they are known beforehand: such series start at 0 rather than absent. */
export const STATUS_CLASSES = ['2xx', '4xx', '5xx', 'other'] as const
export const ROLES = ['joining', 'follower', 'preCandidate', 'candidate', 'leader', 'learner'] as const
export const PROPOSAL_OUTCOMES = [
  'applied',
  'overloaded',
  'no_leader',
  'outcome_unknown',
  'stopping',
  'quarantined',
  'upgrade_pending',
] as const
export const WRITE_PHASES = ['queue', 'append', 'fsync', 'replicate', 'apply'] as const
export const DROP_REASONS = ['queue_full', 'unreachable', 'too_large', 'overloaded'] as const
export const QUOTA_RESOURCES = ['disk', 'memory', 'events', 'subscribers'] as const

const BUILD_SERIES = {
  insi_build_info: {
    type: 'gauge',
    unit: 'none',
    labels: ['version', 'runtime', 'node'],
    help: 'Always 1; the release, the runtime and the name of the node.',
  },
} as const satisfies SeriesTable

export const SERIES = {
  ...BUILD_SERIES,
  ...HTTP_SERIES,
  ...RAFT_SERIES,
  ...STORAGE_SERIES,
  ...TENANT_SERIES,
} as const satisfies SeriesTable

export type SeriesName = keyof typeof SERIES
