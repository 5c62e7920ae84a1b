// The names and addresses of the cluster's nodes as this node was told last: by its configuration file, or by a push, which is
// kept in the data directory. They say where to look for peers; who is a member, Raft alone says.
import { messageOf } from '../base/errors.ts'
import type { InsiError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { formatAddress } from '../config/address.ts'
import type { Config } from '../config/config.ts'
import { ConfigError } from '../config/faults.ts'
import { parseConfig } from '../config/load.ts'
import { readSource } from '../config/source-file.ts'
import type { SourceNode } from '../config/source-file.ts'
import { insiError } from '../contract/errors.ts'
import { isSecretOption, topologyHash } from '../contract/topology.ts'
import type { TopologyFile, TopologyMark } from '../contract/topology.ts'

/** Version history of the record. 1: first. */
const VERSION = 1
const RECORD_PATH = 'topology.json'

/** Where a pushed file survives a restart. */
interface TopologyDisk {
  readFile(file: string): Promise<Uint8Array | undefined>
  /** Durable and all or nothing. */
  writeFileAtomic(file: string, content: Uint8Array): Promise<void>
}

/** Another node and where its Raft listener is dialled. */
export interface TopologyPeer {
  readonly nodeId: string
  readonly raftAddress: string
}

export interface TopologyState {
  /** Null: neither the file nor a push has a generation. */
  readonly mark: TopologyMark | null
  /** Where the addresses of the peers come from. */
  readonly source: 'file' | 'push'
  readonly nodes: readonly string[]
}

export interface TopologyDeps {
  readonly config: Config
  readonly nodeId: string
  /** Of the configuration file, when it is an intact file with a mark. */
  readonly fileMark: TopologyMark | null
  readonly disk: TopologyDisk
  readonly log: Log
}

interface Known extends TopologyState {
  readonly peers: readonly TopologyPeer[]
}

export class TopologyService {
  readonly #deps: TopologyDeps
  #known: Known
  #isWriting = false
  #onPeers: (peers: readonly TopologyPeer[]) => void = () => undefined

  private constructor(deps: TopologyDeps) {
    this.#deps = deps
    this.#known = knownOf(deps.config, deps.nodeId, deps.fileMark, 'file')
  }

  /**
   * Takes the newest of the configuration and what was pushed before. A record that cannot be used is left out, with a warning:
   * it is no more than a hint where peers are. Rejects when the disk fails.
   */
  static async open(deps: TopologyDeps): Promise<TopologyService> {
    const service = new TopologyService(deps)
    const bytes = await deps.disk.readFile(RECORD_PATH)
    if (bytes === undefined) return service
    try {
      const file = decode(bytes)
      if (file.generation > (deps.fileMark?.generation ?? 0)) {
        service.#known = service.#checked(file)
        const { generation } = file
        deps.log.info({ generation, nodes: service.#known.nodes }, 'peers are those of the topology that was pushed')
      }
    } catch (error) {
      deps.log.warn({ file: RECORD_PATH, reason: messageOf(error) }, 'the topology pushed before cannot be used')
    }
    return service
  }

  /** For a node that keeps nothing. */
  static unsaved(config: Config, nodeId: string, log: Log): TopologyService {
    const disk: TopologyDisk = { readFile: async () => undefined, writeFileAtomic: async () => undefined }
    return new TopologyService({ config, nodeId, fileMark: null, disk, log })
  }

  get state(): TopologyState {
    const { mark, nodes, source } = this.#known
    return { mark, nodes, source }
  }

  /** 0 when there is none. */
  get generation(): number {
    return this.#known.mark?.generation ?? 0
  }

  /** Every other node. */
  get peers(): readonly TopologyPeer[] {
    return this.#known.peers
  }

  /** Who is told of the peers whenever a push changes them. */
  setPeersListener(listener: (peers: readonly TopologyPeer[]) => void): void {
    this.#onPeers = listener
  }

  /**
   * Resolves with true once the file is durable and in use, with false when it has been before. Rejects with TOPOLOGY_CONFLICT
   * when another one is as new or newer, with TOPOLOGY_INVALID when it is no file that this node could work with.
   */
  async push(file: TopologyFile): Promise<boolean> {
    const { generation, hash } = file
    const { mark } = this.#known
    if (topologyHash(file.body) !== hash) throw invalid(`its SHA-256 is ${topologyHash(file.body)}, not ${hash}`)
    if (mark !== null && generation === mark.generation && hash === mark.hash) return false
    if (mark !== null && generation <= mark.generation) {
      throw insiError(
        'TOPOLOGY_CONFLICT',
        generation === mark.generation
          ? `generation ${generation} is here already, with the hash ${mark.hash}`
          : `generation ${mark.generation} is here already, and ${generation} is older`,
      )
    }
    const known = this.#checked(file)
    if (this.#isWriting) throw insiError('TOPOLOGY_CONFLICT', 'another push is being written')
    this.#isWriting = true
    try {
      await this.#deps.disk.writeFileAtomic(RECORD_PATH, encode(file))
    } finally {
      this.#isWriting = false
    }
    this.#known = known
    this.#deps.log.info({ generation, hash, nodes: known.nodes }, 'topology taken over')
    this.#onPeers(known.peers)
    return true
  }

  /** Throws TOPOLOGY_INVALID with every fault and its line. */
  #checked({ body, generation, hash }: TopologyFile): Known {
    const { config, nodeId } = this.#deps
    refuseSecrets(body, [config.instanceSecret, config.previousInstanceSecret])
    const given = parsed(body, config.instanceSecret)
    if (given.nodes[nodeId] === undefined) {
      throw invalid(`nodes has ${Object.keys(given.nodes).join(', ')}, but not this node, ${nodeId}`)
    }
    return knownOf(given, nodeId, { generation, hash }, 'push')
  }
}

function knownOf(config: Config, nodeId: string, mark: TopologyMark | null, source: TopologyState['source']): Known {
  const peers = Object.entries(config.nodes)
    .filter(([peerId]) => peerId !== nodeId)
    .map(([peerId, peer]) => ({ nodeId: peerId, raftAddress: formatAddress(peer.raftAdvertise) }))
  return { mark, source, nodes: Object.keys(config.nodes), peers }
}

/** Secrets come to a node by other ways: what is pushed can be read in a ConfigMap and in the data directory. */
function refuseSecrets(body: string, secrets: readonly (string | null)[]): void {
  const faults = secretsIn(readSource(body).root)
  if (faults.length > 0) throw invalid(`a topology must not hold secrets: ${faults.join('; ')}`)
  const line = body.split('\n').findIndex((text) => secrets.some((secret) => secret !== null && text.includes(secret)))
  if (line !== -1) throw invalid(`a topology must not hold secrets: line ${line + 1}`)
}

function secretsIn(node: SourceNode | null): string[] {
  if (node?.type !== 'map') return []
  return node.entries.flatMap(({ key, node: inner, place }) => {
    const line = place.type === 'file' ? `line ${place.line}` : 'the file'
    return isSecretOption(key) ? [`${line} has ${key}`] : secretsIn(inner)
  })
}

function parsed(body: string, instanceSecret: string): Config {
  try {
    return parseConfig(body, { path: 'topology', environment: { INSI_INSTANCE_SECRET: instanceSecret } }).config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const reasons = error.faults.map(({ message, place }) =>
      place?.type === 'file' ? `line ${place.line}, column ${place.column}: ${message}` : message,
    )
    throw invalid(reasons.join('; '))
  }
}

function invalid(reason: string): InsiError {
  return insiError('TOPOLOGY_INVALID', `The topology cannot be used: ${reason}`)
}

function encode({ body, generation, hash }: TopologyFile): Buffer {
  return Buffer.from(`${JSON.stringify({ version: VERSION, generation, hash, body }, null, 2)}\n`)
}

/** Throws an Error with the reason. */
function decode(bytes: Uint8Array): TopologyFile {
  const record: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  if (typeof record !== 'object' || record === null) throw new Error('it is no record')
  const { body, generation, hash, version } = record as Readonly<Record<string, unknown>>
  if (version !== VERSION)
    throw new Error(`its version is ${String(version)}, and this program knows version ${VERSION}`)
  if (typeof body !== 'string' || typeof hash !== 'string' || typeof generation !== 'number') {
    throw new Error('it is no record')
  }
  if (!Number.isSafeInteger(generation) || topologyHash(body) !== hash) throw new Error('its hash does not match')
  return { body, generation, hash }
}
