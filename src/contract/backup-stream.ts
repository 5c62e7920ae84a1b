// A backup as a stream: a manifest, which says where it comes from, then the snapshot of the state (state/snapshot-format.ts).
// Whoever stores one checks here that it is whole, without knowing what the records mean.
//
//   manifest  "INSIBKUP" | version u8 | JSON in UTF-8          first; versions: 1 (this one)
//   snapshot  header, records …, trailer
import { insiError } from './errors.ts'
import { FRAME_TYPES, FrameReader, encodeFrame, snapshotCorrupt } from './frames.ts'
import type { Frame } from './frames.ts'
import { mix } from '../base/hash-mix.ts'

const MAGIC = Buffer.from('INSIBKUP', 'latin1')
const BACKUP_VERSION = 1

export interface BackupManifest {
  readonly clusterId: string
  readonly nodeId: string
  /** Release of the node that made it. */
  readonly insiVersion: string
  /** Newest version of commands and records that this release writes: an older one may not understand them. */
  readonly commandVersion: number
  /** ISO 8601, UTC. */
  readonly createdAt: string
  /** The last log entry whose effects are inside. */
  readonly index: number
  readonly term: number
}

/** What a complete backup was found to hold. */
export interface BackupContent {
  readonly manifest: BackupManifest
  readonly recordCount: number
  /** Of the stream, before any compression. */
  readonly sizeBytes: number
  readonly streamHash: number
}

export function encodeManifest(manifest: BackupManifest): Buffer {
  const json = Buffer.from(
    JSON.stringify({
      cluster_id: manifest.clusterId,
      node_id: manifest.nodeId,
      insi_version: manifest.insiVersion,
      command_version: manifest.commandVersion,
      created_at: manifest.createdAt,
      index: manifest.index,
      term: manifest.term,
    }),
  )
  return encodeFrame(FRAME_TYPES.manifest, Buffer.concat([MAGIC, Buffer.of(BACKUP_VERSION), json])).bytes
}

/** Checks a backup while it passes. Every method throws InsiError SNAPSHOT_CORRUPT when it is not one, or damaged. */
export class BackupReader {
  readonly #frames = new FrameReader()
  #manifest: BackupManifest | null = null
  #isHeaderRead = false
  #isComplete = false
  #recordCount = 0
  #sizeBytes = 0
  #streamHash = 0

  /** Null until its frame has arrived. */
  get manifest(): BackupManifest | null {
    return this.#manifest
  }

  get recordCount(): number {
    return this.#recordCount
  }

  /** Of the complete frames so far. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Returns the frames of the snapshot that `chunk` completes, byte by byte as they were sent. */
  push(chunk: Uint8Array): Buffer[] {
    const snapshot: Buffer[] = []
    for (const frame of this.#frames.push(chunk)) {
      this.#sizeBytes += frame.bytes.length
      if (this.#manifest === null) {
        this.#manifest = decodeManifest(frame)
        continue
      }
      this.#take(frame, this.#manifest)
      snapshot.push(frame.bytes)
    }
    return snapshot
  }

  /** Nothing more comes. Throws unless everything was there. */
  end(): BackupContent {
    if (!this.#isComplete || this.#manifest === null || this.#frames.pendingSizeBytes > 0) {
      throw snapshotCorrupt(this.#isComplete ? 'it goes on behind its end' : 'it is not complete')
    }
    return {
      manifest: this.#manifest,
      recordCount: this.#recordCount,
      sizeBytes: this.#sizeBytes,
      streamHash: this.#streamHash,
    }
  }

  #take({ typeCode, payload, checksum }: Frame, manifest: BackupManifest): void {
    if (this.#isComplete) throw snapshotCorrupt('it goes on behind its end')
    if ((typeCode === FRAME_TYPES.header) === this.#isHeaderRead) throw snapshotCorrupt('its frames are out of order')
    if (typeCode === FRAME_TYPES.trailer) {
      this.#isComplete = true
      if (payload.length !== 10) throw snapshotCorrupt('a frame has the wrong layout')
      const isWhole = payload.readUIntBE(0, 6) === this.#recordCount && payload.readUInt32BE(6) === this.#streamHash
      if (!isWhole) throw snapshotCorrupt('frames are missing')
      return
    }
    this.#streamHash = mix(this.#streamHash, checksum)
    if (typeCode === FRAME_TYPES.header) {
      this.#isHeaderRead = true
      if (payload.length !== 21) throw snapshotCorrupt('a frame has the wrong layout')
      const isSame = payload.readUIntBE(9, 6) === manifest.index && payload.readUIntBE(15, 6) === manifest.term
      if (!isSame) throw snapshotCorrupt('its manifest and its content cover different entries')
      return
    }
    if (typeCode !== FRAME_TYPES.records) throw snapshotCorrupt('a frame has the wrong layout')
    this.#recordCount += countRecords(payload)
  }
}

/** Of a frame of records: pairs of byte strings, each after its length. */
function countRecords(payload: Buffer): number {
  let stringCount = 0
  let offset = 0
  while (offset < payload.length) {
    if (payload.length - offset < 4) throw snapshotCorrupt('a frame has the wrong layout')
    offset += 4 + payload.readUInt32BE(offset)
    stringCount++
  }
  if (offset !== payload.length || stringCount % 2 !== 0) throw snapshotCorrupt('a frame has the wrong layout')
  return stringCount / 2
}

function decodeManifest({ typeCode, payload }: Frame): BackupManifest {
  if (typeCode !== FRAME_TYPES.manifest || !payload.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw snapshotCorrupt('it is no backup')
  }
  const version = payload[MAGIC.length]
  if (version !== BACKUP_VERSION) {
    throw insiError(
      'SNAPSHOT_CORRUPT',
      `The backup has format version ${version}, and this release knows version ${BACKUP_VERSION}: use a newer release.`,
    )
  }
  const found = parse(payload.subarray(MAGIC.length + 1))
  const text = (name: string): string => {
    const value = found[name]
    if (typeof value !== 'string') throw snapshotCorrupt(`its manifest lacks ${name}`)
    return value
  }
  const number = (name: string): number => {
    const value = found[name]
    if (!Number.isSafeInteger(value)) throw snapshotCorrupt(`its manifest lacks ${name}`)
    return value as number
  }
  return {
    clusterId: text('cluster_id'),
    nodeId: text('node_id'),
    insiVersion: text('insi_version'),
    commandVersion: number('command_version'),
    createdAt: text('created_at'),
    index: number('index'),
    term: number('term'),
  }
}

function parse(json: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(json.toString('utf8'))
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>
  } catch {
    // Falls through: whatever it is, it is no manifest.
  }
  throw snapshotCorrupt('its manifest cannot be read')
}
