// The series of insi-reconciler, on its ops port.
import type { SeriesTable } from './series.ts'

/** Values that labels can have, where they are known beforehand: such series start at 0 rather than absent. */
export const RECONCILER_LABELS = {
  insi_reconciler_passes_total: {
    result: ['frozen', 'blind', 'foreign', 'waiting', 'acting', 'refused', 'idle', 'failed'],
  },
  insi_reconciler_actions_total: {
    action: ['add', 'promote', 'transfer', 'remove'],
    result: ['done', 'nothing', 'failed'],
  },
  insi_reconciler_refusals_total: { guard: ['quorum', 'no_target', 'first_sight'] },
  insi_reconciler_writes_total: { object: ['configmap', 'event', 'endpointslice'] },
  insi_reconciler_topology_pushes_total: { result: ['done', 'failed'] },
} as const

export const RECONCILER_SERIES = {
  insi_reconciler_build_info: {
    type: 'gauge',
    unit: 'none',
    labels: ['version', 'runtime'],
    help: 'Always 1; the release and the runtime.',
  },
  insi_reconciler_passes_total: {
    type: 'counter',
    unit: 'count',
    labels: ['result'],
    help: 'Passes by what they came to: a state of the plan, or `failed`.',
  },
  insi_reconciler_pass_duration_seconds: {
    type: 'gauge',
    unit: 'seconds',
    labels: [],
    help: 'How long the last pass took.',
  },
  insi_reconciler_actions_total: {
    type: 'counter',
    unit: 'count',
    labels: ['action', 'result'],
    help: 'Changes of the membership asked for.',
  },
  insi_reconciler_refusals_total: {
    type: 'counter',
    unit: 'count',
    labels: ['guard'],
    help: 'Passes in which a guard refused a change.',
  },
  insi_reconciler_writes_total: {
    type: 'counter',
    unit: 'count',
    labels: ['object'],
    help: 'Writes to Kubernetes; none in steady state.',
  },
  insi_reconciler_api_requests_total: {
    type: 'counter',
    unit: 'count',
    labels: ['verb', 'code'],
    help: 'Requests to Kubernetes, by verb and kind of object, and HTTP status (`none`: no answer).',
  },
  insi_reconciler_api_errors_total: {
    type: 'counter',
    unit: 'count',
    labels: ['verb', 'code'],
    help: 'Requests to Kubernetes that failed, by HTTP status (`none`: no answer).',
  },
  insi_reconciler_topology_generation: { type: 'gauge', unit: 'none', labels: [], help: 'Generation of cluster.yaml.' },
  insi_reconciler_node_observed_generation: {
    type: 'gauge',
    unit: 'none',
    labels: ['node'],
    help: 'Generation of cluster.yaml that each node said to have.',
  },
  insi_reconciler_topology_pushes_total: {
    type: 'counter',
    unit: 'count',
    labels: ['result'],
    help: 'Files handed to nodes, `done` or `failed`.',
  },
  insi_reconciler_denied: {
    type: 'gauge',
    unit: 'none',
    labels: ['request'],
    help: '1 for each verb and object that the Role does not allow, such as `list pods`.',
  },
  insi_reconciler_is_lease_holder: { type: 'gauge', unit: 'none', labels: [], help: '1 while this process may act.' },
  insi_reconciler_last_success_timestamp_seconds: {
    type: 'gauge',
    unit: 'seconds',
    labels: [],
    help: 'When a pass last saw everything, in seconds since the epoch.',
  },
  insi_reconciler_backup_last_success_timestamp_seconds: {
    type: 'gauge',
    unit: 'seconds',
    labels: [],
    help: 'When the job that makes backups last succeeded, in seconds since the epoch; when it was made, while it never has; 0 without one.',
  },
  insi_reconciler_voters: { type: 'gauge', unit: 'count', labels: [], help: 'Voters of the cluster.' },
  insi_reconciler_voters_wanted: { type: 'gauge', unit: 'count', labels: [], help: 'Replicas of the StatefulSet.' },
} as const satisfies SeriesTable
