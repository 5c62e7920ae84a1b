// Backups as files of one directory. A file gets its name when it is complete and durable.
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import { ArchiveError } from './archive.ts'
import type { Archive, ArchiveWriter, StoredBackup } from './archive.ts'
import { parseBackupName } from './backup-name.ts'

/** A backup holds everything that the cluster knows. */
const FILE_MODE = 0o600
const DIRECTORY_MODE = 0o700

/** A backup takes two hours at most, so what is older was left by a process that died. */
const PARTIAL_AGE_MAX_MS = 86_400_000
const PARTIAL = /^\.insi-.*\.partial$/

export class DirectoryArchive implements Archive {
  readonly #directory: string
  readonly #clock: Pick<Clock, 'nowMs'>

  constructor(directory: string, clock: Pick<Clock, 'nowMs'>) {
    this.#directory = directory
    this.#clock = clock
  }

  async write(name: string): Promise<ArchiveWriter> {
    return this.#told('cannot be written to', async () => {
      await mkdir(this.#directory, { recursive: true, mode: DIRECTORY_MODE })
      await this.#removeStale()
      const target = path.join(this.#directory, name)
      // Of this process alone, so that two at once do not write into one file.
      const temporary = path.join(this.#directory, `.${name}.${process.pid}.partial`)
      const stream = createWriteStream(temporary, { mode: FILE_MODE, flush: true })
      await once(stream, 'open')
      return {
        stream,
        commit: () =>
          this.#told('cannot be written to', async () => {
            await rename(temporary, target)
            await syncDirectory(this.#directory)
          }),
        abort: async () => {
          stream.destroy()
          await rm(temporary, { force: true }).catch(() => {})
        },
      }
    })
  }

  async read(name: string): Promise<Readable> {
    return this.#told('cannot be read', async () => {
      const file = await open(path.join(this.#directory, name), 'r')
      await file.close()
      return createReadStream(path.join(this.#directory, name))
    })
  }

  async list(): Promise<readonly StoredBackup[]> {
    return this.#told('cannot be read', async () => {
      const found: StoredBackup[] = []
      for (const name of (await readdir(this.#directory)).toSorted()) {
        const named = parseBackupName(name)
        if (named !== null) found.push({ ...named, sizeBytes: (await stat(path.join(this.#directory, name))).size })
      }
      return found.toSorted((one, other) => compare(one.createdAt, other.createdAt))
    })
  }

  async remove(name: string): Promise<void> {
    return this.#told('cannot be written to', async () => {
      await rm(path.join(this.#directory, name), { force: true })
    })
  }

  async #removeStale(): Promise<void> {
    for (const name of (await readdir(this.#directory)).filter((found) => PARTIAL.test(found))) {
      const file = path.join(this.#directory, name)
      const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }))
      if (this.#clock.nowMs() - mtimeMs > PARTIAL_AGE_MAX_MS) await rm(file, { force: true })
    }
  }

  async #told<Result>(problem: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      throw new ArchiveError(`${this.#directory} ${problem}: ${messageOf(error)}`, { cause: error })
    }
  }
}

const compare = (one: string, other: string): number => (one < other ? -1 : Number(one > other))

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
