// What is on the simulated disk: for each file and for the names, the state that every process sees and the state that
// survives a power failure, with the changes between the two.
import type { Random } from '../../src/base/random.ts'

const SECTOR_BYTES = 512

type FileChange =
  | { readonly type: 'write'; readonly offset: number; readonly bytes: Buffer }
  | { readonly type: 'truncate'; readonly sizeBytes: number }

interface NameChange {
  readonly directory: string
  apply(names: Map<string, SimInode>): void
}

/** Bytes that grow; a gap reads as zeros. */
class Content {
  #bytes: Buffer = Buffer.alloc(0)
  #sizeBytes = 0

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  apply(change: FileChange): void {
    if (change.type === 'truncate') {
      if (change.sizeBytes < this.#sizeBytes) this.#bytes.fill(0, change.sizeBytes, this.#sizeBytes)
      this.#reserve(change.sizeBytes)
      this.#sizeBytes = change.sizeBytes
    } else {
      const end = change.offset + change.bytes.length
      this.#reserve(end)
      this.#bytes.set(change.bytes, change.offset)
      this.#sizeBytes = Math.max(this.#sizeBytes, end)
    }
  }

  read(offset: number, lengthBytes: number): Buffer {
    return Buffer.from(this.#bytes.subarray(offset, Math.min(offset + lengthBytes, this.#sizeBytes)))
  }

  flipBit(bit: number): void {
    const at = Math.floor(bit / 8)
    this.#bytes[at] = (this.#bytes[at] ?? 0) ^ (1 << (bit % 8))
  }

  copyFrom(other: Content): void {
    this.#bytes = other.read(0, other.sizeBytes)
    this.#sizeBytes = other.sizeBytes
  }

  #reserve(sizeBytes: number): void {
    if (sizeBytes <= this.#bytes.length) return
    const grown = Buffer.alloc(Math.max(sizeBytes, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#sizeBytes))
    this.#bytes = grown
  }
}

export class SimInode {
  readonly #seen = new Content()
  readonly #durable = new Content()
  #unsynced: FileChange[] = []
  /** Changes that were settled; a sync names those it covers by their number. */
  #settledCount = 0

  get sizeBytes(): number {
    return this.#seen.sizeBytes
  }

  /** How many changes were made so far. */
  get changeCount(): number {
    return this.#settledCount + this.#unsynced.length
  }

  read(offset: number, lengthBytes: number): Buffer {
    return this.#seen.read(offset, lengthBytes)
  }

  write(offset: number, bytes: Buffer): void {
    if (bytes.length > 0) this.#change({ type: 'write', offset, bytes: Buffer.from(bytes) })
  }

  truncate(sizeBytes: number): void {
    if (sizeBytes !== this.#seen.sizeBytes) this.#change({ type: 'truncate', sizeBytes })
  }

  /** Ends the first `count` changes: they are durable, or (a failed sync) count as clean without being on the disk. */
  settle(count: number, durable: boolean): void {
    const settled = this.#unsynced.splice(0, count - this.#settledCount)
    this.#settledCount += settled.length
    if (durable) for (const change of settled) this.#durable.apply(change)
  }

  flipBit(bit: number): void {
    this.#seen.flipBit(bit)
    this.#durable.flipBit(bit)
  }

  /** Keeps of the unsynced changes what `draw` decides, sector by sector. */
  losePower(random: Random): void {
    for (const change of keptOf(this.#unsynced.flatMap(sectorsOf), random)) this.#durable.apply(change)
    this.#settledCount += this.#unsynced.length
    this.#unsynced = []
    this.#seen.copyFrom(this.#durable)
  }

  #change(change: FileChange): void {
    this.#seen.apply(change)
    this.#unsynced.push(change)
  }
}

/** Files by path. Directories exist durably as soon as they are made. */
export class SimFileSystem {
  readonly #random: Random
  readonly #directories = new Set<string>([''])
  #names = new Map<string, SimInode>()
  #durableNames = new Map<string, SimInode>()
  #unsynced: NameChange[] = []

  constructor(random: Random) {
    this.#random = random
  }

  /** Every file with its content. */
  snapshot(): Map<string, Buffer> {
    return new Map([...this.#names].map(([path, inode]) => [path, inode.read(0, inode.sizeBytes)]))
  }

  /** Puts a durable file in place of whatever has the name. */
  put(path: string, content: Uint8Array): void {
    const directory = directoryOf(path)
    this.makeDirectory(directory)
    const inode = new SimInode()
    inode.write(0, Buffer.from(content))
    inode.settle(inode.changeCount, true)
    this.#names.set(path, inode)
    this.#durableNames.set(path, inode)
  }

  lookup(path: string): SimInode | undefined {
    return this.#names.get(path)
  }

  makeDirectory(path: string): void {
    const parts = path.split('/')
    for (let count = 1; count <= parts.length; count++) this.#directories.add(parts.slice(0, count).join('/'))
  }

  create(path: string): SimInode {
    const directory = directoryOf(path)
    if (!this.#directories.has(directory)) {
      throw Object.assign(new Error(`ENOENT: no such directory '${directory}'`), { code: 'ENOENT' })
    }
    const inode = new SimInode()
    this.#change({ directory, apply: (names) => names.set(path, inode) })
    return inode
  }

  rename(from: string, to: string): void {
    const inode = this.#names.get(from)
    if (inode === undefined) throw Object.assign(new Error(`ENOENT: no such file '${from}'`), { code: 'ENOENT' })
    this.#change({
      directory: directoryOf(to),
      apply: (names) => {
        names.delete(from)
        names.set(to, inode)
      },
    })
  }

  remove(path: string): void {
    if (this.#names.has(path)) this.#change({ directory: directoryOf(path), apply: (names) => names.delete(path) })
  }

  list(path: string): string[] {
    const names = [...this.#names.keys(), ...this.#directories].filter(
      (each) => each !== '' && directoryOf(each) === path,
    )
    return names.map((each) => each.slice(path === '' ? 0 : path.length + 1)).sort()
  }

  syncDirectory(path: string): void {
    for (const change of this.#unsynced) if (change.directory === path) change.apply(this.#durableNames)
    this.#unsynced = this.#unsynced.filter((change) => change.directory !== path)
  }

  losePower(): void {
    for (const inode of new Set([...this.#names.values(), ...this.#durableNames.values()]))
      inode.losePower(this.#random)
    for (const change of keptOf(this.#unsynced, this.#random)) change.apply(this.#durableNames)
    this.#unsynced = []
    this.#names = new Map(this.#durableNames)
  }

  #change(change: NameChange): void {
    change.apply(this.#names)
    this.#unsynced.push(change)
  }
}

/** Nothing, everything, the first ones, or any subset of `changes`, in order. */
function keptOf<T>(changes: readonly T[], random: Random): readonly T[] {
  switch (random.int(4)) {
    case 0:
      return []
    case 1:
      return changes
    case 2:
      return changes.slice(0, random.int(changes.length + 1))
    default:
      return changes.filter(() => random.int(2) === 0)
  }
}

/** A write in pieces that a disk keeps or loses as a whole. */
function sectorsOf(change: FileChange): FileChange[] {
  if (change.type === 'truncate') return [change]
  const pieces: FileChange[] = []
  let start = 0
  while (start < change.bytes.length) {
    const end = Math.min(change.bytes.length, start + SECTOR_BYTES - ((change.offset + start) % SECTOR_BYTES))
    pieces.push({ type: 'write', offset: change.offset + start, bytes: change.bytes.subarray(start, end) })
    start = end
  }
  return pieces
}

function directoryOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash === -1 ? '' : path.slice(0, slash)
}
