// When the job that makes backups last succeeded: for the alert on backups that are too old.
import { delay } from '../base/clock.ts'
import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { ReconcilerMetrics } from '../metrics/reconciler-metrics.ts'
import type { Kube } from './kube.ts'
import { RepeatedFailure } from './repeated-failure.ts'

const POLL_MS = 60_000
const MS_PER_SECOND = 1_000

export interface BackupAgeDeps {
  readonly kube: Kube
  readonly clock: Clock
  readonly log: Log
  readonly metrics: ReconcilerMetrics
}

/** Keeps the series until the signal aborts. Never rejects; what cannot be read leaves the series as it is, and so growing old. */
export async function followBackups(deps: BackupAgeDeps, cronJobName: string, signal: AbortSignal): Promise<void> {
  const { clock, kube, metrics } = deps
  const failing = new RepeatedFailure(deps, 'the backup job was not read')
  while (!signal.aborted) {
    try {
      const succeededAt = await kube.readCronJobSuccess(cronJobName)
      const seconds = succeededAt === null ? 0 : succeededAt.getTime() / MS_PER_SECOND
      metrics.set('insi_reconciler_backup_last_success_timestamp_seconds', seconds)
      failing.succeeded()
    } catch (error) {
      failing.failed(messageOf(error))
    }
    await delay(clock, POLL_MS, signal).catch(() => undefined)
  }
}
