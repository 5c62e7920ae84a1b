// The alerts and recording rules that the chart installs. charts/insi/files/rules.yaml and docs/ALERTS.md are made from here.
import { DISK_ALERTS } from './alerts/disks.ts'
import { FITNESS_ALERTS } from './alerts/fitness.ts'
import { NODE_ALERTS } from './alerts/nodes.ts'
import { QUORUM_ALERTS } from './alerts/quorum.ts'
import { RECONCILER_ALERTS } from './alerts/reconciler.ts'
import { REQUEST_ALERTS } from './alerts/requests.ts'
import type { AlertRule } from './alerts/rule.ts'

export { RECORDING_RULES } from './alerts/records.ts'
export type { AlertCase, AlertRule, RecordingRule } from './alerts/rule.ts'

export const ALERT_GROUPS: Readonly<Record<string, readonly AlertRule[]>> = {
  quorum: QUORUM_ALERTS,
  nodes: NODE_ALERTS,
  fitness: FITNESS_ALERTS,
  requests: REQUEST_ALERTS,
  disks: DISK_ALERTS,
  reconciler: RECONCILER_ALERTS,
}
