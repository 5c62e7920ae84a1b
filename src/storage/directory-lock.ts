// A lock that lets one process at a time use a data directory. Node offers no file locks, LevelDB holds one: the lock is an
// empty LevelDB. The kernel gives it back when its process ends in any way, so a lock is never stale, also not in a container
// where every process has the same id.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Level } from 'level'
import { InsiError, messageOf } from '../base/errors.ts'

export interface DirectoryLock {
  release(): Promise<void>
}

const LOCK_DIRECTORY = 'lock'
const HOLDER_FILE = 'lock-holder'
const DIRECTORY_MODE = 0o700
/** The store stays empty: it needs no memory. */
const LEVEL_OPTIONS = { cacheSize: 4096, writeBufferSize: 65_536, maxOpenFiles: 16 }

/**
 * Takes the lock of `directory`, which is created when missing, and leaves `holder` there for others to read. When another
 * process (or this one) has the lock, the answer is what its holder left. Throws InsiError STORAGE_FAILED, with the cause of
 * the operating system, when the directory cannot be used.
 */
export async function lockDirectory(
  directory: string,
  holder: string,
): Promise<{ readonly lock: DirectoryLock } | { readonly heldBy: string }> {
  const holderPath = path.join(directory, HOLDER_FILE)
  try {
    await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE })
    const store = await openStore(path.join(directory, LOCK_DIRECTORY))
    if (store === null) return { heldBy: await readFile(holderPath, 'utf8').catch(() => 'another process') }
    await writeFile(holderPath, holder)
    return {
      lock: {
        async release() {
          await rm(holderPath, { force: true })
          await store.close()
        },
      },
    }
  } catch (error) {
    throw new InsiError('STORAGE_FAILED', `cannot use the data directory ${directory}: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/** Null when the lock is taken. */
async function openStore(location: string): Promise<Level | null> {
  for (let isRepaired = false; ; isRepaired = true) {
    const store = new Level(location, LEVEL_OPTIONS)
    try {
      await store.open()
      return store
    } catch (error) {
      const cause = ((error as Error).cause ?? error) as Error & { readonly code?: string }
      await store.close()
      if (cause.code === 'LEVEL_LOCKED') return null
      // A power failure may damage the store. It holds nothing, and it was not locked, so nobody uses it.
      const isDamaged = cause.code === 'LEVEL_CORRUPTION' || cause.message.includes('No such file')
      if (isRepaired || !isDamaged) throw cause
      await rm(location, { recursive: true, force: true })
    }
  }
}
