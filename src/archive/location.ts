// How people name a place for backups: a file, a directory, `-` or s3://BUCKET/PREFIX/.
import { stat } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { systemClock } from '../base/clock.ts'
import { ArchiveError } from './archive.ts'
import type { Archive } from './archive.ts'
import { DirectoryArchive } from './directory-archive.ts'
import { newestBackup } from './selection.ts'

const S3 = 's3://'
/** By which an object is told from a prefix. */
const SUFFIX = '.insi'

export type Location =
  /** Standard output, or standard input. */
  | { readonly type: 'stdio' }
  /** `name` null: a directory or prefix, where names are made and found. */
  | { readonly type: 'archive'; readonly archive: Archive; readonly name: string | null }

export interface Source {
  readonly name: string
  open(): Promise<Readable>
}

/** Throws ArchiveError when `text` names no place. */
export async function openLocation(text: string): Promise<Location> {
  if (text === '-') return { type: 'stdio' }
  if (text === '') throw new ArchiveError('the place is empty: name a file, a directory, s3://BUCKET/PREFIX/ or -')
  if (text.startsWith(S3)) return openS3(text.slice(S3.length))
  if (text.endsWith('/') || (await isDirectory(text))) {
    return { type: 'archive', archive: new DirectoryArchive(path.resolve(text), systemClock), name: null }
  }
  const file = path.resolve(text)
  return { type: 'archive', archive: new DirectoryArchive(path.dirname(file), systemClock), name: path.basename(file) }
}

/**
 * What is read of a place: the backup that `text` names, or the newest one in the directory that it names. Throws ArchiveError
 * when there is none, or when a directory has backups of several clusters and `cluster` chooses none.
 */
export async function openSource(text: string, cluster: string | null): Promise<Source> {
  const location = await openLocation(text)
  if (location.type === 'stdio') return { name: '-', open: () => Promise.resolve(process.stdin) }
  const { archive, name } = location
  if (name !== null) return { name, open: () => archive.read(name) }
  const newest = newestBackup(await archive.list(), text, cluster).name
  return { name: newest, open: () => archive.read(newest) }
}

/** `BUCKET/PREFIX/` or `BUCKET/PREFIX/NAME.insi`; a prefix may lack its last slash. */
async function openS3(text: string): Promise<Location> {
  const [bucket = '', ...rest] = text.split('/')
  if (bucket === '') throw new ArchiveError('an s3:// place begins with its bucket: s3://BUCKET/PREFIX/')
  const last = rest.at(-1) ?? ''
  const name = last.endsWith(SUFFIX) ? last : null
  const prefix = (name === null ? rest : rest.slice(0, -1)).filter((part) => part !== '').join('/')
  const { S3Archive } = await import('./s3-archive.ts')
  const archive = await S3Archive.open({ bucket, prefix: prefix === '' ? '' : `${prefix}/` })
  return { type: 'archive', archive, name }
}

async function isDirectory(text: string): Promise<boolean> {
  try {
    return (await stat(text)).isDirectory()
  } catch {
    return false
  }
}
