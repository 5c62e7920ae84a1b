// The series of the log, the state and the disk.
import { DISK_BUCKETS_SECONDS } from './series.ts'
import type { SeriesTable } from './series.ts'

export const STORAGE_SERIES = {
  insi_log_fsync_duration_seconds: {
    type: 'histogram',
    unit: 'seconds',
    labels: [],
    buckets: DISK_BUCKETS_SECONDS,
    help: 'Time to make the log durable once.',
  },
  insi_log_cut_entries_total: {
    type: 'counter',
    unit: 'entries',
    labels: [],
    help: 'Entries removed from the front of the log.',
  },
  insi_log_entries: { type: 'gauge', unit: 'entries', labels: [], help: 'Entries that the log holds.' },
  insi_log_size_bytes: { type: 'gauge', unit: 'bytes', labels: [], help: 'Size of the log.' },
  insi_state_apply_duration_seconds: {
    type: 'histogram',
    unit: 'seconds',
    labels: [],
    buckets: DISK_BUCKETS_SECONDS,
    help: 'Time to apply one batch of entries.',
  },
  insi_state_applied_entries_total: { type: 'counter', unit: 'entries', labels: [], help: 'Entries applied.' },
  insi_disk_stalled_seconds: {
    type: 'gauge',
    unit: 'seconds',
    labels: [],
    help: 'How long the oldest sync of the log or batch of the state that is under way has taken so far; 0 when none is.',
  },
  insi_disk_free_bytes: {
    type: 'gauge',
    unit: 'bytes',
    labels: [],
    help: 'Free space of the file system that holds the data directory.',
  },
  insi_disk_size_bytes: {
    type: 'gauge',
    unit: 'bytes',
    labels: [],
    help: 'Size of the file system that holds the data directory.',
  },
} as const satisfies SeriesTable
