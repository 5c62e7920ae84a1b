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
  insi_state_tables: { type: 'gauge', unit: 'count', labels: [], help: 'Files of sorted tables that LevelDB holds.' },
  insi_state_tables_bytes: {
    type: 'gauge',
    unit: 'bytes',
    labels: [],
    help: 'Size of the tables of LevelDB, in whole MiB a level; what is not in a table yet is in its log.',
  },
  insi_state_compaction_seconds_total: {
    type: 'counter',
    unit: 'seconds',
    labels: [],
    help: 'Time that LevelDB spent on compacting, in whole seconds a level.',
  },
  insi_state_compaction_bytes_total: {
    type: 'counter',
    unit: 'bytes',
    labels: ['direction'],
    help: 'Bytes that compactions of LevelDB `read` and `written`, in whole MiB a level.',
  },
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
