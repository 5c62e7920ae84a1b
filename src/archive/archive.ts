// Where backups are kept, as those who write and read them see it.
import type { Readable, Writable } from 'node:stream'
import type { NamedBackup } from './backup-name.ts'

/** A new backup on its way. Nothing stands under its name before commit() resolves. */
export interface ArchiveWriter {
  /** What is written is not there yet when it ends. */
  readonly stream: Writable
  /** Makes everything durable under its name. Call it after the stream has finished. */
  commit(): Promise<void>
  /** Removes what was written. Never rejects. */
  abort(): Promise<void>
}

export interface StoredBackup extends NamedBackup {
  readonly sizeBytes: number
}

/** Rejects with ArchiveError for whatever the file system or the other side says. */
export interface Archive {
  write(name: string): Promise<ArchiveWriter>
  read(name: string): Promise<Readable>
  /** Whole backups with a name of backupName(), of every cluster, the oldest first. */
  list(): Promise<readonly StoredBackup[]>
  /** What is not there any more counts as removed. */
  remove(name: string): Promise<void>
}

/** What is wrong with a place for backups, for the person who named it. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError'
}
