// The Disk port on real files. Everything but readSync() runs off the event loop, in libuv's thread pool.
import fs from 'node:fs'
import path from 'node:path'
import { assert } from '../base/assert.ts'
import type { Disk, DiskFile, OpenOptions } from './disk.ts'

const FILE_MODE = 0o600
const DIRECTORY_MODE = 0o700

/**
 * O_DSYNC makes a write durable in the same system call. Only Linux gives it the strength of fdatasync (on macOS it leaves the
 * data in the drive's cache), so elsewhere a durable write is a write and a sync.
 */
const DURABLE_WRITE_FLAG = process.platform === 'linux' ? fs.constants.O_DSYNC : 0

/** Files below `root`, which makeDirectory('') creates. */
export class NodeDisk implements Disk {
  readonly #root: string

  constructor(root: string) {
    this.#root = path.resolve(root)
  }

  async makeDirectory(directory: string): Promise<void> {
    const target = this.#resolve(directory)
    const first = await fs.promises.mkdir(target, { recursive: true, mode: DIRECTORY_MODE })
    if (first === undefined) return
    // Each new directory is a name in its parent, up to the first one that was there.
    for (let at = target; at.length >= first.length; at = path.dirname(at)) await syncDirectoryAt(path.dirname(at))
  }

  async open(file: string, options: OpenOptions): Promise<DiskFile> {
    const { O_RDWR, O_CREAT } = fs.constants
    const durableWrites = options.durableWrites === true
    const flags = O_RDWR | (options.create ? O_CREAT : 0) | (durableWrites ? DURABLE_WRITE_FLAG : 0)
    const descriptor = await new Promise<number>((resolve, reject) => {
      fs.open(this.#resolve(file), flags, FILE_MODE, (error, opened) => (error ? reject(error) : resolve(opened)))
    })
    return new NodeDiskFile(descriptor, durableWrites && DURABLE_WRITE_FLAG === 0)
  }

  async readFile(file: string): Promise<Buffer | undefined> {
    try {
      return await fs.promises.readFile(this.#resolve(file))
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  async writeFileAtomic(file: string, content: Uint8Array): Promise<void> {
    const temporary = await this.open(`${file}.tmp`, { create: true })
    try {
      await temporary.truncate(0)
      await temporary.write(0, [content])
      await temporary.sync()
    } finally {
      await temporary.close()
    }
    const target = this.#resolve(file)
    await fs.promises.rename(`${target}.tmp`, target)
    await syncDirectoryAt(path.dirname(target))
  }

  async list(directory: string): Promise<string[]> {
    try {
      return (await fs.promises.readdir(this.#resolve(directory))).sort()
    } catch (error) {
      if (isMissing(error)) return []
      throw error
    }
  }

  async remove(file: string): Promise<void> {
    await fs.promises.rm(this.#resolve(file), { force: true })
  }

  async syncDirectory(directory: string): Promise<void> {
    await syncDirectoryAt(this.#resolve(directory))
  }

  #resolve(relative: string): string {
    const resolved = path.join(this.#root, relative)
    assert(resolved === this.#root || resolved.startsWith(this.#root + path.sep), `${relative} is outside the disk`)
    return resolved
  }
}

class NodeDiskFile implements DiskFile {
  readonly #descriptor: number
  readonly #syncsWrites: boolean

  /** `syncsWrites`: the platform has no durable write, so each write is followed by a sync. */
  constructor(descriptor: number, syncsWrites: boolean) {
    this.#descriptor = descriptor
    this.#syncsWrites = syncsWrites
  }

  async write(offsetBytes: number, chunks: readonly Uint8Array[]): Promise<void> {
    let rest = chunks.filter((chunk) => chunk.length > 0)
    let offset = offsetBytes
    while (rest.length > 0) {
      const written = await writeSome(this.#descriptor, rest, offset)
      // A short write is repeated from where it stopped, so that the reason (ENOSPC, EFBIG) comes to light as an error.
      offset += written
      rest = dropBytes(rest, written)
    }
    if (this.#syncsWrites) await this.sync()
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#descriptor, (error) => (error ? reject(error) : resolve()))
    })
  }

  truncate(sizeBytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.ftruncate(this.#descriptor, sizeBytes, (error) => (error ? reject(error) : resolve()))
    })
  }

  readSync(offsetBytes: number, lengthBytes: number): Buffer {
    const buffer = Buffer.allocUnsafe(lengthBytes)
    let length = 0
    while (length < lengthBytes) {
      const read = fs.readSync(this.#descriptor, buffer, length, lengthBytes - length, offsetBytes + length)
      if (read === 0) break
      length += read
    }
    return buffer.subarray(0, length)
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.close(this.#descriptor, (error) => (error ? reject(error) : resolve()))
    })
  }
}

function writeSome(descriptor: number, chunks: readonly Uint8Array[], offset: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.writev(descriptor, chunks, offset, (error, written) => {
      if (error) reject(error)
      else if (written === 0) reject(new Error('the operating system wrote nothing'))
      else resolve(written)
    })
  })
}

/** `chunks` without their first `count` bytes. */
function dropBytes(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  const rest: Uint8Array[] = []
  let toDrop = count
  for (const chunk of chunks) {
    if (toDrop < chunk.length) rest.push(toDrop === 0 ? chunk : chunk.subarray(toDrop))
    toDrop = Math.max(0, toDrop - chunk.length)
  }
  return rest
}

async function syncDirectoryAt(directory: string): Promise<void> {
  const handle = await fs.promises.open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function isMissing(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT'
}
