// The names of backups in a directory or under a prefix: by cluster, then by time, so that sorting them is sorting by age.
import type { BackupManifest } from '../contract/backup-stream.ts'

const CLUSTER_CHARS = 8

/** `insi-0ea36cf1-20261123T091500Z.insi`. */
export function backupName({ clusterId, createdAt }: Pick<BackupManifest, 'clusterId' | 'createdAt'>): string {
  const time = createdAt.replace(/\.\d+Z$/, 'Z').replaceAll(/[-:]/g, '')
  return `insi-${clusterId.slice(0, CLUSTER_CHARS)}-${time}.insi`
}
