// How people name a place for backups: a file, `-` or a directory.
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { ArchiveError } from './archive.ts'
import type { Archive } from './archive.ts'
import { DirectoryArchive } from './directory-archive.ts'

export type Location =
  /** Standard output, or standard input. */
  | { readonly type: 'stdio' }
  /** `name` null: a directory, where names are made and found. */
  | { readonly type: 'archive'; readonly archive: Archive; readonly name: string | null }

/** Throws ArchiveError when `text` names no place. */
export async function openLocation(text: string): Promise<Location> {
  if (text === '-') return { type: 'stdio' }
  if (text === '') throw new ArchiveError('the place is empty: name a file, a directory or -')
  if (text.endsWith('/') || (await isDirectory(text))) {
    return { type: 'archive', archive: new DirectoryArchive(path.resolve(text)), name: null }
  }
  const file = path.resolve(text)
  return { type: 'archive', archive: new DirectoryArchive(path.dirname(file)), name: path.basename(file) }
}

async function isDirectory(text: string): Promise<boolean> {
  try {
    return (await stat(text)).isDirectory()
  } catch {
    return false
  }
}
