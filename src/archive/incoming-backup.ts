// A backup while it is read, from a node or from where it is kept: first what it says of itself, then the rest, checked.
import { InsiError } from '../base/errors.ts'
import { BackupReader } from '../contract/backup-stream.ts'
import type { BackupContent, BackupManifest } from '../contract/backup-stream.ts'
import { snapshotCorrupt } from '../contract/frames.ts'

interface Piece {
  readonly chunk: Uint8Array
  readonly frames: readonly Buffer[]
}

export class IncomingBackup {
  readonly manifest: BackupManifest
  readonly #reader: BackupReader
  readonly #first: readonly Piece[]
  readonly #rest: AsyncIterator<Uint8Array>
  #content: BackupContent | null = null

  private constructor(
    manifest: BackupManifest,
    reader: BackupReader,
    first: readonly Piece[],
    rest: AsyncIterator<Uint8Array>,
  ) {
    this.manifest = manifest
    this.#reader = reader
    this.#first = first
    this.#rest = rest
  }

  /** Reads the manifest. Throws InsiError SNAPSHOT_CORRUPT when `source` is no backup. */
  static async begin(source: AsyncIterable<Uint8Array>): Promise<IncomingBackup> {
    const reader = new BackupReader()
    const rest = source[Symbol.asyncIterator]()
    const first: Piece[] = []
    while (reader.manifest === null) {
      const { value, done } = await rest.next()
      if (done === true) throw snapshotCorrupt('it is not complete')
      first.push({ chunk: value, frames: beginning(reader, value) })
    }
    return new IncomingBackup(reader.manifest, reader, first, rest)
  }

  /** Bytes read and found in order so far. */
  get sizeBytes(): number {
    return this.#reader.sizeBytes
  }

  /** Once everything was read and found whole. */
  get content(): BackupContent | null {
    return this.#content
  }

  /** All bytes. Throws InsiError SNAPSHOT_CORRUPT, in place of an end, unless they are a whole backup. */
  async *bytes(): AsyncGenerator<Uint8Array> {
    for await (const { chunk } of this.#pieces()) yield chunk
  }

  /** The snapshot inside, frame by frame. Throws like bytes(). */
  async *frames(): AsyncGenerator<Buffer> {
    for await (const { frames } of this.#pieces()) yield* frames
  }

  async *#pieces(): AsyncGenerator<Piece> {
    for (const piece of this.#first) yield piece
    for (;;) {
      const { value, done } = await this.#rest.next()
      if (done === true) break
      yield { chunk: value, frames: this.#reader.push(value) }
    }
    this.#content = this.#reader.end()
  }
}

/** Any file may have been named: what it lacks as a frame helps nobody. */
function beginning(reader: BackupReader, chunk: Uint8Array): Buffer[] {
  try {
    return reader.push(chunk)
  } catch (error) {
    if (reader.manifest === null && error instanceof InsiError)
      throw snapshotCorrupt('it does not begin as a backup does')
    throw error
  }
}
