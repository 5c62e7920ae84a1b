// The series of what entities have and do, all of them together; none has a label for an entity.
import type { SeriesTable } from './series.ts'

export const TENANT_SERIES = {
  insi_event_subscribers: {
    type: 'gauge',
    unit: 'count',
    labels: [],
    help: 'Subscribers of events that are connected to this node.',
  },
  insi_event_applied_total: {
    type: 'counter',
    unit: 'count',
    labels: [],
    help: 'Published events that this node applied; the same on every node.',
  },
  insi_event_frames_sent_total: {
    type: 'counter',
    unit: 'count',
    labels: [],
    help: 'Frames of events that were handed to connections of subscribers.',
  },
  insi_event_subscribers_dropped_total: {
    type: 'counter',
    unit: 'count',
    labels: [],
    help: 'Subscribers of this node that were closed because they read too slowly.',
  },
  insi_watchers: {
    type: 'gauge',
    unit: 'count',
    labels: [],
    help: 'Watchers of keys that are connected to this node.',
  },
  insi_key_reads_total: {
    type: 'counter',
    unit: 'requests',
    labels: ['space', 'result'],
    help: 'Reads of single keys of the `value` store or the `cache` by this node: `hit` or `miss`.',
  },
  insi_cache_entries: {
    type: 'gauge',
    unit: 'entries',
    labels: [],
    help: 'Entries in the cache, of all entities and root, expired ones until they are removed; NaN until they are counted after a start.',
  },
  insi_cache_evictions: {
    type: 'gauge',
    unit: 'entries',
    labels: [],
    help: 'Cache entries that made room for others, of the entities that exist.',
  },
  insi_entities: {
    type: 'gauge',
    unit: 'count',
    labels: ['status'],
    help: 'Entities by status, `active` or `deleting`; without root.',
  },
  insi_entities_disk_bytes: {
    type: 'gauge',
    unit: 'bytes',
    labels: [],
    help: 'Keys and values in the value store, of all entities and root.',
  },
  insi_entities_memory_bytes: {
    type: 'gauge',
    unit: 'bytes',
    labels: [],
    help: 'Keys and values in the cache, of all entities and root.',
  },
  insi_entities_events: {
    type: 'gauge',
    unit: 'count',
    labels: [],
    help: 'Events within the windows of the quotas, of all entities and root.',
  },
  insi_entities_subscribers: {
    type: 'gauge',
    unit: 'count',
    labels: [],
    help: 'Subscribers on all nodes, of all entities and root.',
  },
  insi_entity_quota_usage_ratio_max: {
    type: 'gauge',
    unit: 'ratio',
    labels: ['resource'],
    help: 'Usage of the entity that is closest to its limit (1: at the limit), by resource.',
  },
  insi_entities_near_quota: {
    type: 'gauge',
    unit: 'count',
    labels: ['resource'],
    help: 'Entities that use 90% or more of their limit, by resource.',
  },
} as const satisfies SeriesTable

/** Served apart, on /metrics/entities: at most as many series of each as `metrics.entitiesTop` says, and one. */
export const ENTITY_SERIES = {
  insi_entity_disk_bytes: {
    type: 'gauge',
    unit: 'bytes',
    labels: ['entity'],
    help: 'Bytes of values by key UUID of the entity; `other`: all that have no line of their own.',
  },
  insi_entity_memory_bytes: {
    type: 'gauge',
    unit: 'bytes',
    labels: ['entity'],
    help: 'Bytes of the cache, by entity.',
  },
  insi_entity_events: {
    type: 'gauge',
    unit: 'count',
    labels: ['entity'],
    help: 'Events within the window of the quota, by entity.',
  },
  insi_entity_subscribers: {
    type: 'gauge',
    unit: 'count',
    labels: ['entity'],
    help: 'Subscribers on all nodes, by entity.',
  },
  insi_entity_quota_usage_ratio: {
    type: 'gauge',
    unit: 'ratio',
    labels: ['entity', 'resource'],
    help: 'Usage as a part of the limit, by entity and resource; without unlimited resources and without `other`.',
  },
} as const satisfies SeriesTable
