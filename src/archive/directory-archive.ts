// Backups as files of one directory. A file gets its name when it is complete and durable.
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { messageOf } from '../base/errors.ts'
import { ArchiveError } from './archive.ts'
import type { Archive, ArchiveWriter } from './archive.ts'

/** A backup holds everything that the cluster knows. */
const FILE_MODE = 0o600
const DIRECTORY_MODE = 0o700

export class DirectoryArchive implements Archive {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  async write(name: string): Promise<ArchiveWriter> {
    return this.#told('cannot be written to', async () => {
      await mkdir(this.#directory, { recursive: true, mode: DIRECTORY_MODE })
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

  async #told<Result>(problem: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      throw new ArchiveError(`${this.#directory} ${problem}: ${messageOf(error)}`, { cause: error })
    }
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
