// Who this node is: the small file in the data directory that makes a node the same member after a restart, and a node with a
// wiped disk a new one. Beside it, once the node is quarantined, the reason: a restart does not make its data any better.
import { crc32 } from 'node:zlib'
import { assert } from '../../base/assert.ts'
import { InsiError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import type { MemberId } from '../../raft/types.ts'
import type { Disk } from '../../storage/disk.ts'
import type { ReplicaIdentity } from '../replica-options.ts'

/** Version history of the file. 1: first. */
const VERSION = 1
const DEFAULT_PATH = 'identity.json'
const QUARANTINE_PATH = 'quarantine.json'
const RESTORING_PATH = 'restoring.json'

/** The content of the file, beside its version and checksum. */
interface IdentityContent {
  readonly nodeId: string
  /** A UUID made with the data directory; never reused. */
  readonly incarnation: string
  /** Null until the node may act as a member of a cluster. */
  readonly clusterId: string | null
}

export interface IdentityOptions {
  readonly disk: Disk
  readonly nodeId: string
  readonly random: Random
  readonly path?: string
  /** Only a restore itself may use the directory that it fills. */
  readonly isRestoring?: boolean
}

export class NodeIdentity implements ReplicaIdentity {
  readonly #disk: Disk
  readonly #path: string
  #content: IdentityContent
  #quarantined: string | null

  private constructor(disk: Disk, path: string, content: IdentityContent, quarantined: string | null) {
    this.#disk = disk
    this.#path = path
    this.#content = content
    this.#quarantined = quarantined
  }

  /**
   * Loads the identity, or creates it durably on a first start. Throws InsiError IDENTITY_MISMATCH when the data directory
   * belongs to another node, IDENTITY_CORRUPT when the file is damaged or of a newer version.
   */
  static async open(options: IdentityOptions): Promise<NodeIdentity> {
    const { disk, nodeId, random, path = DEFAULT_PATH } = options
    if (options.isRestoring !== true) await assertNotRestoring(disk, nodeId)
    const bytes = await disk.readFile(path)
    if (bytes !== undefined) {
      const content = decode(bytes, path)
      // A process that was killed may have left a name in the page cache alone; believing it must not depend on the power.
      await disk.syncDirectory(parentOf(path))
      if (content.nodeId === nodeId) return new NodeIdentity(disk, path, content, await readQuarantine(disk))
      throw new InsiError(
        'IDENTITY_MISMATCH',
        `the data directory belongs to node ${JSON.stringify(content.nodeId)}, but this node is ${JSON.stringify(nodeId)}. ` +
          "Start this node with a data directory of its own, or correct the node's name in the configuration",
        { details: { found: content.nodeId, expected: nodeId } },
      )
    }
    const identity = new NodeIdentity(disk, path, { nodeId, incarnation: random.uuid(), clusterId: null }, null)
    await disk.writeFileAtomic(path, encode(identity.#content))
    return identity
  }

  get nodeId(): string {
    return this.#content.nodeId
  }

  get incarnation(): string {
    return this.#content.incarnation
  }

  /** `<nodeId>/<incarnation>`. */
  get memberId(): MemberId {
    return `${this.#content.nodeId}/${this.#content.incarnation}`
  }

  get clusterId(): string | null {
    return this.#content.clusterId
  }

  get quarantined(): string | null {
    return this.#quarantined
  }

  /** Remembers durably that the data directory must not be used any more. */
  async quarantine(reason: string): Promise<void> {
    if (this.#quarantined !== null) return
    this.#quarantined = reason
    await this.#disk.writeFileAtomic(QUARANTINE_PATH, Buffer.from(`${JSON.stringify({ reason }, null, 2)}\n`))
  }

  /** Remembers durably that this node belongs to the cluster. A node never changes its cluster. */
  async setClusterId(clusterId: string): Promise<void> {
    const current = this.#content.clusterId
    assert(
      current === null || current === clusterId,
      `the node belongs to cluster ${String(current)}, not to ${clusterId}`,
    )
    await this.#remember(clusterId)
  }

  /** Takes the node out of its cluster into one that nobody else belongs to: for a recovery without the others. */
  async leaveForCluster(clusterId: string): Promise<void> {
    assert(this.#content.clusterId !== null && this.#quarantined === null, 'only a sound member leaves its cluster')
    await this.#remember(clusterId)
  }

  async #remember(clusterId: string): Promise<void> {
    const content = { ...this.#content, clusterId }
    await this.#disk.writeFileAtomic(this.#path, encode(content))
    this.#content = content
  }
}

/** Remembers durably that the data directory is being filled from a backup: until endRestore() no node starts on it. */
export async function beginRestore(disk: Disk): Promise<void> {
  await disk.makeDirectory('')
  await disk.writeFileAtomic(RESTORING_PATH, Buffer.from('{}\n'))
}

/** The data directory is complete. */
export async function endRestore(disk: Disk): Promise<void> {
  await disk.remove(RESTORING_PATH)
  await disk.syncDirectory('')
}

/** Whether a restore began that did not come to its end. */
export async function isRestoreUnfinished(disk: Disk): Promise<boolean> {
  return (await disk.readFile(RESTORING_PATH)) !== undefined
}

async function assertNotRestoring(disk: Disk, nodeId: string): Promise<void> {
  if (!(await isRestoreUnfinished(disk))) return
  throw new InsiError(
    'RESTORE_UNFINISHED',
    `a restore into this data directory was interrupted, so it is not complete. Run insid restore --as ${nodeId} again, or ` +
      'empty the directory',
  )
}

/** Any such file counts, readable or not. */
async function readQuarantine(disk: Disk): Promise<string | null> {
  const bytes = await disk.readFile(QUARANTINE_PATH)
  if (bytes === undefined) return null
  const file = parse(bytes)
  const reason = isRecord(file) ? file['reason'] : undefined
  return typeof reason === 'string' ? reason : `for a reason that ${QUARANTINE_PATH} does not tell`
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash === -1 ? '' : path.slice(0, slash)
}

function encode(content: IdentityContent): Buffer {
  const identity = { nodeId: content.nodeId, incarnation: content.incarnation, clusterId: content.clusterId }
  return Buffer.from(`${JSON.stringify({ version: VERSION, crc32: checksum(identity), identity }, null, 2)}\n`)
}

function decode(bytes: Buffer, path: string): IdentityContent {
  const file = parse(bytes)
  if (!isRecord(file) || typeof file['version'] !== 'number') throw corrupt(path, 'it is not the JSON of an identity')
  if (file['version'] !== VERSION) {
    throw corrupt(path, `its version is ${file['version']}, and this program knows version ${VERSION}`)
  }
  const { crc32: sum, identity } = file
  if (!isIdentity(identity) || sum !== checksum(identity)) throw corrupt(path, 'its checksum does not match')
  return identity
}

/** CRC32 of the identity as JSON, in the order in which it is written. */
function checksum(identity: IdentityContent): number {
  return crc32(JSON.stringify(identity))
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isIdentity(value: unknown): value is IdentityContent {
  if (!isRecord(value)) return false
  const { nodeId, incarnation, clusterId } = value
  const isKnown = clusterId === null || typeof clusterId === 'string'
  return typeof nodeId === 'string' && typeof incarnation === 'string' && isKnown
}

function corrupt(path: string, reason: string): InsiError {
  return new InsiError(
    'IDENTITY_CORRUPT',
    `${path} in the data directory is damaged: ${reason}. Restore the file, or start the node with an empty data directory, ` +
      'so that it joins as a new member',
    { details: { file: path } },
  )
}
