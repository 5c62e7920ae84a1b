// The names of backups in a directory or under a prefix: by cluster, then by time, so that sorting them is sorting by age.
import type { BackupManifest } from '../contract/backup-stream.ts'

const CLUSTER_CHARS = 8
const NAME = /^insi-([0-9a-f]{8})-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.insi$/

/** What a name says. */
export interface NamedBackup {
  readonly name: string
  /** The first characters of the id of its cluster. */
  readonly cluster: string
  /** When it was made, as ISO 8601 in UTC. */
  readonly createdAt: string
}

/** `insi-0ea36cf1-20261123T091500Z.insi`. */
export function backupName({ clusterId, createdAt }: Pick<BackupManifest, 'clusterId' | 'createdAt'>): string {
  const time = createdAt.replace(/\.\d+Z$/, 'Z').replaceAll(/[-:]/g, '')
  return `insi-${clusterId.slice(0, CLUSTER_CHARS)}-${time}.insi`
}

/** Null for what backupName() did not make: it is nobody's backup, and is left alone. */
export function parseBackupName(name: string): NamedBackup | null {
  const [, cluster, year, month, day, hour, minute, second] = NAME.exec(name) ?? []
  if (cluster === undefined) return null
  const createdAt = `${year}-${month}-${day}T${hour}:${minute}:${second}Z`
  return Number.isNaN(Date.parse(createdAt)) ? null : { name, cluster, createdAt }
}
