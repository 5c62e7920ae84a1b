// A disk in memory for the deterministic simulation: operations take seeded time, and a power failure loses, keeps or tears
// whatever was not synced. One SimDisk is the hardware; each process that uses it mounts it anew.
import type { Clock } from '../../src/base/clock.ts'
import type { Random } from '../../src/base/random.ts'
import type { Disk, DiskFile, OpenOptions } from '../../src/storage/disk.ts'
import { SimFileSystem, type SimInode } from './sim-file-system.ts'

export interface SimDiskOptions {
  readonly clock: Clock
  /** Draws latencies and what a crash keeps. */
  readonly random: Random
  /** Runs the completion of an operation; by default at once when its latency is over. */
  readonly schedule?: (callback: () => void) => void
  readonly latencyMsMin?: number
  readonly latencyMsMax?: number
}

export class SimDisk {
  readonly files: SimFileSystem
  /** Bytes by which files may still grow; a write beyond is short and then rejected with ENOSPC. */
  freeBytes = Infinity
  readonly #options: SimDiskOptions
  #process: { alive: boolean } = { alive: false }
  #syncsToFail = 0

  constructor(options: SimDiskOptions) {
    this.#options = options
    this.files = new SimFileSystem(options.random)
  }

  /** The disk as one process sees it, until the next crash() or kill(). The process before must be dead. */
  mount(): Disk {
    this.#process.alive = false
    this.#process = { alive: true }
    return new SimMount(this, this.#process)
  }

  /** Power failure: the process dies and what was not synced is lost, kept or torn, as drawn. */
  crash(): void {
    this.#process.alive = false
    this.files.losePower()
  }

  /** The process dies (kill -9); the page cache survives. */
  kill(): void {
    this.#process.alive = false
  }

  /** The next sync or durable write is rejected with EIO; what it should have made durable stays in the page cache only. */
  failNextSync(): void {
    this.#syncsToFail++
  }

  takeSyncFailure(): boolean {
    if (this.#syncsToFail === 0) return false
    this.#syncsToFail--
    return true
  }

  /** Resolves with what `finish` answers after a seeded latency, never if the process died meanwhile. */
  after<T>(process: { alive: boolean }, finish: () => T): Promise<T> {
    const { clock, random, latencyMsMin = 0.05, latencyMsMax = 2 } = this.#options
    const latencyMs = latencyMsMin + ((latencyMsMax - latencyMsMin) * random.int(1001)) / 1000
    const schedule = this.#options.schedule ?? ((callback: () => void): void => callback())
    return new Promise((resolve, reject) => {
      if (!process.alive) return
      const complete = (): void => {
        if (!process.alive) return
        try {
          resolve(finish())
        } catch (error) {
          reject(error)
        }
      }
      clock.after(latencyMs, () => schedule(complete))
    })
  }
}

/** The Disk port for one process. */
class SimMount implements Disk {
  readonly #disk: SimDisk
  readonly #process: { alive: boolean }

  constructor(disk: SimDisk, process: { alive: boolean }) {
    this.#disk = disk
    this.#process = process
  }

  get #files(): SimFileSystem {
    return this.#disk.files
  }

  makeDirectory(path: string): Promise<void> {
    return this.#after(() => this.#files.makeDirectory(path))
  }

  open(path: string, options: OpenOptions): Promise<DiskFile> {
    return this.#after(() => {
      const inode = this.#files.lookup(path) ?? (options.create ? this.#files.create(path) : undefined)
      if (inode === undefined) throw systemError('ENOENT', `no such file, open '${path}'`)
      return new SimFile(this.#disk, this.#process, inode, options.durableWrites === true)
    })
  }

  readFile(path: string): Promise<Buffer | undefined> {
    return this.#after(() => {
      const inode = this.#files.lookup(path)
      return inode === undefined ? undefined : inode.read(0, inode.sizeBytes)
    })
  }

  async writeFileAtomic(path: string, content: Uint8Array): Promise<void> {
    const file = await this.open(`${path}.tmp`, { create: true })
    await file.truncate(0)
    await file.write(0, [content])
    await file.sync()
    await file.close()
    await this.#after(() => this.#files.rename(`${path}.tmp`, path))
    await this.syncDirectory(parentOf(path))
  }

  list(path: string): Promise<string[]> {
    return this.#after(() => this.#files.list(path))
  }

  remove(path: string): Promise<void> {
    return this.#after(() => this.#files.remove(path))
  }

  syncDirectory(path: string): Promise<void> {
    return this.#after(() => this.#files.syncDirectory(path))
  }

  #after<T>(finish: () => T): Promise<T> {
    return this.#disk.after(this.#process, finish)
  }
}

class SimFile implements DiskFile {
  readonly #disk: SimDisk
  readonly #process: { alive: boolean }
  readonly #inode: SimInode
  readonly #durableWrites: boolean
  #open = true

  constructor(disk: SimDisk, process: { alive: boolean }, inode: SimInode, durableWrites: boolean) {
    this.#disk = disk
    this.#process = process
    this.#inode = inode
    this.#durableWrites = durableWrites
  }

  write(offsetBytes: number, chunks: readonly Uint8Array[]): Promise<void> {
    this.#assertOpen()
    if (!this.#process.alive) return new Promise(() => {})
    const bytes = Buffer.concat(chunks)
    const fitting = this.#claimSpace(offsetBytes, bytes.length)
    // The page cache has the bytes at once, so a crash during the write may keep any of them.
    this.#inode.write(offsetBytes, bytes.subarray(0, fitting))
    const issuedCount = this.#inode.changeCount
    return this.#disk.after(this.#process, () => {
      if (fitting < bytes.length) throw systemError('ENOSPC', 'no space left on device, write')
      if (this.#durableWrites) this.#finishSync(issuedCount)
    })
  }

  sync(): Promise<void> {
    this.#assertOpen()
    const issuedCount = this.#inode.changeCount
    return this.#disk.after(this.#process, () => this.#finishSync(issuedCount))
  }

  truncate(sizeBytes: number): Promise<void> {
    this.#assertOpen()
    return this.#disk.after(this.#process, () => this.#inode.truncate(sizeBytes))
  }

  readSync(offsetBytes: number, lengthBytes: number): Buffer {
    this.#assertOpen()
    return this.#inode.read(offsetBytes, lengthBytes)
  }

  close(): Promise<void> {
    this.#assertOpen()
    this.#open = false
    return this.#disk.after(this.#process, () => undefined)
  }

  #finishSync(issuedCount: number): void {
    const fails = this.#disk.takeSyncFailure()
    this.#inode.settle(issuedCount, !fails)
    if (fails) throw systemError('EIO', 'i/o error, fdatasync')
  }

  /** How many of the bytes fit on the disk. */
  #claimSpace(offsetBytes: number, lengthBytes: number): number {
    const growthBytes = Math.max(0, offsetBytes + lengthBytes - this.#inode.sizeBytes)
    const missingBytes = Math.max(0, growthBytes - this.#disk.freeBytes)
    this.#disk.freeBytes -= growthBytes - missingBytes
    return Math.max(0, lengthBytes - missingBytes)
  }

  #assertOpen(): void {
    if (!this.#open) throw systemError('EBADF', 'bad file descriptor')
  }
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash === -1 ? '' : path.slice(0, slash)
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code })
}
