import { backupName, parseBackupName } from '../../../src/archive/backup-name.ts'
import { newestBackup } from '../../../src/archive/selection.ts'

const stored = (cluster: string, createdAt: string) => ({
  name: backupName({ clusterId: cluster, createdAt }),
  cluster,
  createdAt,
  sizeBytes: 1,
})
const A = '0ea36cf1'
const B = '7be1d0c2'
const OLD = stored(A, '2026-11-21T03:15:00Z')
const OTHER = stored(B, '2026-11-22T03:15:00Z')
const NEW = stored(A, '2026-11-23T03:15:00Z')
const ALL = [OLD, OTHER, NEW]

test('a name says cluster and time, and names of others are nobody’s', () => {
  const name = backupName({ clusterId: '0ea36cf1-aa', createdAt: '2026-11-23T09:15:00.123Z' })
  expect(name).toBe('insi-0ea36cf1-20261123T091500Z.insi')
  expect(parseBackupName(name)).toEqual({ name, cluster: A, createdAt: '2026-11-23T09:15:00Z' })
  for (const other of ['insi-0ea36cf1-20261323T091500Z.insi', `${name}.old`, `.${name}.1.partial`, 'now.insi']) {
    expect(parseBackupName(other)).toBeNull()
  }
})

test('the newest backup is chosen, of one cluster only', () => {
  expect(newestBackup([OLD, NEW], '/b/', null)).toBe(NEW)
  expect(newestBackup(ALL, '/b/', B)).toBe(OTHER)
  expect(newestBackup(ALL, '/b/', '0ea36cf1-5a4e-4b53')).toBe(NEW)
  expect(() => newestBackup(ALL, '/b/', null)).toThrow(
    `/b/ has backups of 2 clusters: ${A} (newest: ${NEW.createdAt}), ${B} (newest: ${OTHER.createdAt})`,
  )
  expect(() => newestBackup([], '/b/', null)).toThrow('/b/ has no backup')
  expect(() => newestBackup(ALL, '/b/', 'ffff')).toThrow(`no backup of the cluster ffff; it has some of ${A}, ${B}`)
  expect(() => newestBackup(ALL, '/b/', '')).toThrow('no backup')
})
