// The row of the reconciler on the board of a cluster.
import { STRIP_HEIGHT, graph, stat } from './board.ts'
import type { Panel } from './board.ts'
import { rate, reconcilers } from './promql.ts'

export const RECONCILER: readonly Panel[] = [
  stat(
    4,
    'Last success',
    {
      description: 'How long ago a pass saw cluster and StatefulSet together.',
      unit: 's',
      height: STRIP_HEIGHT,
      thresholds: [
        [null, 'green'],
        [120, 'orange'],
        [300, 'red'],
      ],
    },
    [`time() - max(${reconcilers('insi_reconciler_last_success_timestamp_seconds')})`, 'ago'],
  ),
  stat(
    4,
    'Holds the lease',
    {
      description: 'Reconcilers that may act: one.',
      height: STRIP_HEIGHT,
      thresholds: [
        [null, 'red'],
        [1, 'green'],
        [2, 'red'],
      ],
    },
    [`sum(${reconcilers('insi_reconciler_is_lease_holder')})`, 'holders'],
  ),
  stat(
    4,
    'Voters',
    { description: 'Voters of the cluster, and those that the StatefulSet wants.', height: STRIP_HEIGHT },
    [`max(${reconcilers('insi_reconciler_voters')})`, 'are'],
    [`max(${reconcilers('insi_reconciler_voters_wanted')})`, 'wanted'],
  ),
  stat(4, 'Generation', { description: 'Generation of cluster.yaml; grows with every change.', height: STRIP_HEIGHT }, [
    `max(${reconcilers('insi_reconciler_topology_generation')})`,
    'generation',
  ]),
  stat(4, 'Last pass', { description: 'How long the last pass took.', unit: 's', height: STRIP_HEIGHT }, [
    `max(${reconcilers('insi_reconciler_pass_duration_seconds')})`,
    'took',
  ]),
  stat(
    4,
    'Failed requests',
    {
      description: 'Requests to Kubernetes that failed within the time of the board.',
      height: STRIP_HEIGHT,
      decimals: 0,
      thresholds: [
        [null, 'green'],
        [1, 'orange'],
      ],
    },
    [`sum(increase(${reconcilers('insi_reconciler_api_errors_total')}[$__range])) or vector(0)`, 'failed'],
  ),
  graph(
    12,
    'Passes by what they came to',
    { description: 'Many that are not `idle` mean that something is under way or stuck.', unit: 'ops', min: 0 },
    [`sum by (result) (${rate(reconcilers('insi_reconciler_passes_total'))})`, '{{result}}'],
  ),
  graph(
    12,
    'Changes, refusals and writes',
    {
      description: 'Within ten minutes: changes of the membership, guards that refused one, writes to Kubernetes.',
      min: 0,
    },
    [`sum by (action) (increase(${reconcilers('insi_reconciler_actions_total')}[10m]))`, '{{action}}'],
    [`sum by (guard) (increase(${reconcilers('insi_reconciler_refusals_total')}[10m]))`, 'refused: {{guard}}'],
    [`sum by (object) (increase(${reconcilers('insi_reconciler_writes_total')}[10m]))`, 'wrote {{object}}'],
  ),
]
