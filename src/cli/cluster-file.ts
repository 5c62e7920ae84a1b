// What a client needs of cluster.yaml: who the nodes are and how to reach them, and the secret behind the root key. It does
// not check the rest: that is the server's affair, and would take as long as a request.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { messageOf } from '../base/errors.ts'
import type { EndpointOptions } from '../client/options.ts'
import { formatAddress, isWildcardHost, parseAddress } from '../config/address.ts'
import type { Environment } from '../config/overrides.ts'
import { readSource } from '../config/source-file.ts'
import type { SourceMap, SourceNode } from '../config/source-file.ts'
import { snakeCase, spellingsOf } from '../config/spelling.ts'
import { StartFailure } from './command.ts'

const LOAD_FAILED = 'Failed to load cluster configuration'
const CLIENT_FAILED = 'Failed to initialize API client from config'

/** As the server has it; a test compares the two. */
export const INSI_HOME_DEFAULT = 'data/insi'

export interface ClusterFile {
  /** Empty when the file and the environment have none. */
  readonly instanceSecret: string
  /** Empty when there is no node. */
  readonly defaultLeader: string
  readonly skipVerify: boolean
  /** PEM files of the nodes' own certificates; empty without TLS. Some may not exist on this machine. */
  readonly certificatePaths: readonly string[]
  /** By node id, in the order of the file. */
  readonly endpoints: ReadonlyMap<string, EndpointOptions>
  /** By node id: where the other nodes reach it; a node whose address cannot be read is not there. */
  readonly raftAddresses: ReadonlyMap<string, string>
}

/** Reads the file, with the environment's variables over it as the server has them. Throws StartFailure. */
export async function readClusterFile(filePath: string, environment: Environment): Promise<ClusterFile> {
  const root = parse(filePath, await read(filePath))
  const setting = (...names: readonly string[]): string => {
    const variable = `INSI_${names.map((name) => snakeCase(name).toUpperCase()).join('_')}`
    const text = environment[variable]
    return text !== undefined && text !== '' ? text : textAt(root, names)
  }
  const certificate = setting('tls', 'cert')
  const usesTls = setting('serverMustUseTLS') === 'true' || certificate !== ''
  const endpoints = new Map<string, EndpointOptions>()
  const raftAddresses = new Map<string, string>()
  for (const { key, node } of mapAt(root, ['nodes'])?.entries ?? []) {
    if (node.type !== 'map') continue
    endpoints.set(key, endpointOf(key, node, usesTls))
    const raftAddress = raftAddressOf(node)
    if (raftAddress !== undefined) raftAddresses.set(key, raftAddress)
  }
  return {
    instanceSecret: (await readSecretFile(environment)) ?? setting('instanceSecret'),
    defaultLeader: setting('defaultLeader') || ([...endpoints.keys()][0] ?? ''),
    skipVerify: setting('clientSkipVerify') === 'true' || environment.INSI_SKIP_VERIFY === 'true',
    certificatePaths: usesTls ? certificatePaths(certificate, dataDirectory(environment, root), endpoints) : [],
    endpoints,
    raftAddresses,
  }
}

// Without configured files every node makes its certificate for itself, in its data directory.
function certificatePaths(configured: string, home: string, endpoints: ReadonlyMap<string, unknown>): string[] {
  if (configured !== '') return [configured]
  return [...endpoints.keys()].map((nodeId) => path.join(home, nodeId, 'tls', 'server.crt'))
}

function dataDirectory(environment: Environment, root: SourceMap): string {
  return environment.INSI_HOME || textAt(root, ['insiHome']) || INSI_HOME_DEFAULT
}

async function read(filePath: string): Promise<string> {
  try {
    return await readFile(filePath, 'utf8')
  } catch (error) {
    const hint = 'name the file with --config, or a node with --public, before the command'
    throw new StartFailure(LOAD_FAILED, `failed to read config file ${filePath}: ${messageOf(error)}`, hint)
  }
}

function parse(filePath: string, text: string): SourceMap {
  const { root, faults } = readSource(text)
  if (root !== null && root.type === 'map') return root
  const reasons = faults.map(({ place, message }) =>
    place?.type === 'file' ? `line ${place.line}, column ${place.column}: ${message}` : message,
  )
  const reason = reasons.join('; ') || 'it is not a map of options'
  throw new StartFailure(LOAD_FAILED, `failed to unmarshal config data from ${filePath}: ${reason}`)
}

/** INSI_INSTANCE_SECRET_FILE names a file with the secret, as container platforms mount them. */
async function readSecretFile(environment: Environment): Promise<string | undefined> {
  const secretPath = environment.INSI_INSTANCE_SECRET_FILE
  if (secretPath === undefined || secretPath === '') return undefined
  try {
    return (await readFile(secretPath, 'utf8')).replace(/\r?\n$/, '')
  } catch (error) {
    throw new StartFailure(LOAD_FAILED, `failed to read INSI_INSTANCE_SECRET_FILE: ${messageOf(error)}`)
  }
}

function endpointOf(nodeId: string, node: SourceMap, usesTls: boolean): EndpointOptions {
  const clientDomain = textAt(node, ['clientDomain'])
  const urlOf = (binding: string): string => {
    const address = parseAddress(textAt(node, [binding]))
    if (address === undefined) throw new StartFailure(CLIENT_FAILED, `${binding} of node '${nodeId}' is not host:port`)
    const bindingHost = isWildcardHost(address.host) ? '127.0.0.1' : address.host
    const host = clientDomain === '' ? bindingHost : clientDomain
    return `${usesTls ? 'https' : 'http'}://${formatAddress({ host, port: address.port })}`
  }
  return { publicUrl: urlOf('publicBinding'), privateUrl: urlOf('privateBinding') }
}

// As the server advertises it: raftAdvertise, or raftBinding with a host that others can dial.
function raftAddressOf(node: SourceMap): string | undefined {
  const address = parseAddress(textAt(node, ['raftAdvertise']) || textAt(node, ['raftBinding']))
  if (address === undefined || !isWildcardHost(address.host)) return address && formatAddress(address)
  return formatAddress({ host: textAt(node, ['clientDomain']) || '127.0.0.1', port: address.port })
}

function nodeAt(map: SourceMap, names: readonly string[]): SourceNode | undefined {
  const [name, ...rest] = names
  const spellings = spellingsOf(name ?? '')
  const found = map.entries.find((entry) => spellings.includes(entry.key))?.node
  if (rest.length === 0) return found
  return found?.type === 'map' ? nodeAt(found, rest) : undefined
}

function mapAt(map: SourceMap, names: readonly string[]): SourceMap | undefined {
  const node = nodeAt(map, names)
  return node?.type === 'map' ? node : undefined
}

function textAt(map: SourceMap, names: readonly string[]): string {
  const node = nodeAt(map, names)
  const value = node?.type === 'value' ? node.value : null
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}
