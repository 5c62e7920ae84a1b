// How much room the file system of a directory has.
import fs from 'node:fs/promises'

export interface DiskSpace {
  /** For processes without privileges. */
  readonly freeBytes: number
  readonly sizeBytes: number
}

/** Null when the file system does not say. */
export async function diskSpaceOf(directory: string): Promise<DiskSpace | null> {
  try {
    const { bavail, blocks, bsize } = await fs.statfs(directory)
    return { freeBytes: bavail * bsize, sizeBytes: blocks * bsize }
  } catch {
    return null
  }
}
