// Which of the backups in a place is meant, and which are too many.
import { ArchiveError } from './archive.ts'
import type { Archive, StoredBackup } from './archive.ts'
import type { NamedBackup } from './backup-name.ts'

/** Orders backups by age, the oldest first. */
export function byAge(one: NamedBackup, other: NamedBackup): number {
  return Date.parse(one.createdAt) - Date.parse(other.createdAt)
}

/** The newest of `backups`, which are ordered by age; of the cluster whose id begins with `cluster` where it is given. */
export function newestBackup(backups: readonly StoredBackup[], place: string, cluster: string | null): StoredBackup {
  const wanted = backups.filter((backup) => cluster === null || matches(backup, cluster))
  const clusters = new Map(wanted.map((backup) => [backup.cluster, backup]))
  const newest = wanted.at(-1)
  if (newest === undefined) {
    const all = new Set(backups.map((backup) => backup.cluster))
    const others = all.size === 0 ? '' : `; it has some of ${[...all].join(', ')}`
    throw new ArchiveError(`${place} has no backup${cluster === null ? '' : ` of the cluster ${cluster}`}${others}`)
  }
  if (clusters.size > 1) {
    const each = [...clusters.values()].map((backup) => `${backup.cluster} (newest: ${backup.createdAt})`)
    throw new ArchiveError(
      `${place} has backups of ${clusters.size} clusters: ${each.join(', ')}. Say which with --cluster, or name a backup`,
    )
  }
  return newest
}

/** Removes the oldest of `backups` that are of `cluster`, as many as there are beyond `keep`. Returns their names. */
export async function removeSurplus(
  archive: Archive,
  backups: readonly StoredBackup[],
  { cluster, keep }: { readonly cluster: string; readonly keep: number },
): Promise<string[]> {
  const own = backups.filter((backup) => backup.cluster === cluster)
  const surplus = own.slice(0, Math.max(0, own.length - keep)).map(({ name }) => name)
  for (const name of surplus) await archive.remove(name)
  return surplus
}

/** `cluster` is the beginning of an id, or a whole one, of which names have only the beginning. */
function matches(backup: StoredBackup, cluster: string): boolean {
  return cluster !== '' && (backup.cluster.startsWith(cluster) || cluster.startsWith(backup.cluster))
}
