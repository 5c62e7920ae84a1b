// The board of what keys use. Its first rows need no more than /metrics; single keys are on the opt-in /metrics/entities.
import { STRIP_HEIGHT, bars, graph, stat, table } from './board.ts'
import type { Board, Panel } from './board.ts'
import { cluster, rate } from './promql.ts'
import { ANNOTATIONS, CLUSTER_VARIABLES } from './variables.ts'

/** Usage is part of the replicated state: every node tells the same, but for one that lags. */
const agreed = (series: string, matchers = ''): string => `max(${cluster(series, matchers)})`
const byEntity = (series: string): string => `topk(10, max by (entity) (${cluster(series, 'entity!="other"')}))`

const ALL: readonly Panel[] = [
  stat(4, 'Keys', { description: 'Keys that exist, without root.', height: STRIP_HEIGHT }, [
    agreed('insi_entities', 'status="active"'),
    'active',
  ]),
  stat(
    4,
    'Being deleted',
    {
      description: 'Keys whose data is being removed in the background.',
      height: STRIP_HEIGHT,
      thresholds: [
        [null, 'green'],
        [1, 'blue'],
      ],
    },
    [agreed('insi_entities', 'status="deleting"'), 'deleting'],
  ),
  stat(
    4,
    'Near a limit',
    {
      description: 'Keys that use 90 % or more of a limit.',
      height: STRIP_HEIGHT,
      thresholds: [
        [null, 'green'],
        [1, 'orange'],
      ],
    },
    [`sum(max by (resource) (${cluster('insi_entities_near_quota')}))`, 'keys'],
  ),
  stat(4, 'Values', { description: 'Keys and values on disk, of all together.', unit: 'bytes', height: STRIP_HEIGHT }, [
    agreed('insi_entities_disk_bytes'),
    'disk',
  ]),
  stat(
    4,
    'Cache',
    { description: 'Keys and values in memory, of all together.', unit: 'bytes', height: STRIP_HEIGHT },
    [agreed('insi_entities_memory_bytes'), 'memory'],
  ),
  stat(4, 'Subscribers', { description: 'On all nodes, of all together.', height: STRIP_HEIGHT }, [
    agreed('insi_entities_subscribers'),
    'subscribers',
  ]),
  bars(
    8,
    'Closest to its limit',
    {
      description: 'Usage of the key that is closest, by resource. At 100 % its writes are refused.',
      unit: 'percentunit',
      min: 0,
      max: 1,
      thresholds: [
        [null, 'green'],
        [0.75, 'orange'],
        [0.9, 'red'],
      ],
    },
    [`max by (resource) (${cluster('insi_entity_quota_usage_ratio_max')})`, '{{resource}}'],
  ),
  graph(
    8,
    'Use of all keys',
    { description: 'Values on disk and cache in memory.', unit: 'bytes', min: 0 },
    [agreed('insi_entities_disk_bytes'), 'values'],
    [agreed('insi_entities_memory_bytes'), 'cache'],
  ),
  graph(
    8,
    'Refused by rate',
    {
      description: 'Answers with 429 a second: a key or an address asks more often than it may.',
      unit: 'reqps',
      min: 0,
    },
    [`sum by (limiter, class) (${rate(cluster('insi_rate_limited_total'))})`, '{{limiter}} {{class}}'],
  ),
  graph(12, 'Events within the windows of the quotas', { description: 'Of all keys together.', min: 0, decimals: 0 }, [
    agreed('insi_entities_events'),
    'events',
  ]),
  graph(12, 'Cache entries', { description: 'Of all keys together.', min: 0, decimals: 0 }, [
    agreed('insi_cache_entries'),
    'entries',
  ]),
  graph(
    12,
    'Cache entries that made room for others',
    { description: 'Since the keys were made; grows while caches are full.', min: 0, decimals: 0 },
    [agreed('insi_cache_evictions'), 'evictions'],
  ),
]

const LARGEST: readonly Panel[] = [
  table(
    24,
    'The keys that use the most',
    {
      description: 'By UUID, which names no secret: `insic --root admin insight entities` tells whose it is.',
      height: 9,
      columns: {
        entity: { title: 'Key' },
        A: { title: 'Values', unit: 'bytes' },
        B: { title: 'Cache', unit: 'bytes' },
        C: { title: 'Events', unit: 'short' },
        D: { title: 'Subscribers', unit: 'short' },
        E: {
          title: 'Closest to a limit',
          unit: 'percentunit',
          thresholds: [
            [null, 'green'],
            [0.75, 'orange'],
            [0.9, 'red'],
          ],
        },
      },
    },
    [`max by (entity) (${cluster('insi_entity_disk_bytes')})`, ''],
    [`max by (entity) (${cluster('insi_entity_memory_bytes')})`, ''],
    [`max by (entity) (${cluster('insi_entity_events')})`, ''],
    [`max by (entity) (${cluster('insi_entity_subscribers')})`, ''],
    [`max by (entity) (${cluster('insi_entity_quota_usage_ratio')})`, ''],
  ),
  graph(
    12,
    'Values',
    { description: 'The ten keys with the most bytes on disk.', unit: 'bytes', min: 0, isStacked: true },
    [byEntity('insi_entity_disk_bytes'), '{{entity}}'],
  ),
  graph(
    12,
    'Cache',
    { description: 'The ten keys with the most bytes in memory.', unit: 'bytes', min: 0, isStacked: true },
    [byEntity('insi_entity_memory_bytes'), '{{entity}}'],
  ),
  graph(
    12,
    'Events',
    { description: 'The ten keys with the most events within the window of the quota.', min: 0, decimals: 0 },
    [byEntity('insi_entity_events'), '{{entity}}'],
  ),
  graph(
    12,
    'Part of the limits',
    { description: 'The ten keys that are closest to a limit.', unit: 'percentunit', min: 0 },
    [`topk(10, max by (entity, resource) (${cluster('insi_entity_quota_usage_ratio')}))`, '{{entity}} {{resource}}'],
  ),
]

export const TENANTS_BOARD: Board = {
  uid: 'insi-tenants',
  title: 'Insi / Tenants',
  description: 'What keys use, and who is about to be refused.',
  variables: CLUSTER_VARIABLES,
  annotations: ANNOTATIONS,
  rows: [
    { title: 'All keys', panels: ALL },
    { title: 'Single keys: needs metrics.entities and a scrape of /metrics/entities', panels: LARGEST },
  ],
}
