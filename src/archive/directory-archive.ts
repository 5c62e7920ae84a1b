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
import { byAge } from './selection.ts'

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
    return told(`${this.#directory} cannot be written to`, async () => {
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
          told(`${this.#directory} cannot be written to`, async () => {
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
    const target = path.join(this.#directory, name)
    return told(`${target} cannot be read`, async () => {
      const file = await open(target, 'r')
      await file.close()
      return createReadStream(target)
    })
  }

  async list(): Promise<readonly StoredBackup[]> {
    return told(`${this.#directory} cannot be read`, async () => {
      const found: StoredBackup[] = []
      for (const name of await readdir(this.#directory)) {
        const named = parseBackupName(name)
        if (named !== null) found.push({ ...named, sizeBytes: (await stat(path.join(this.#directory, name))).size })
      }
      return found.toSorted(byAge)
    })
  }

  async remove(name: string): Promise<void> {
    return told(`${this.#directory} cannot be written to`, async () => {
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
}

async function told<Result>(problem: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw new ArchiveError(`${problem}: ${messageOf(error)}`, { cause: error })
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
