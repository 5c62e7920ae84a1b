// What a client needs of cluster.yaml: where the nodes are and the secret of the root key. Nothing is required and nothing
// else is checked; the schema is not loaded.
import type { Address } from './address.ts'
import { dialledAddress, isWildcardHost, parseAddress } from './address.ts'
import { ConfigError } from './faults.ts'
import { readSource } from './source-file.ts'
import type { SourceNode } from './source-file.ts'
import { spellingsOf } from './spelling.ts'

/** How clients reach a node; null where the file gives no valid binding. */
export interface ClientNode {
  readonly publicAddress: Address | null
  readonly privateAddress: Address | null
  /** Where other nodes dial it. */
  readonly raftAddress: Address | null
}

export interface ClientView {
  readonly instanceSecret: string | null
  readonly defaultLeader: string | null
  readonly clientSkipVerify: boolean
  /** The listeners of the nodes speak HTTPS. */
  readonly usesTls: boolean
  readonly nodes: Readonly<Record<string, ClientNode>>
}

/** Reads the text of cluster.yaml; `path` is its name in errors. Throws ConfigError when the text is no YAML. */
export function readClientView(text: string, path: string): ClientView {
  const { root, faults } = readSource(text)
  if (root === null || faults.length > 0) throw new ConfigError(path, faults)
  const nodes = memberOf(root, 'nodes')
  const entries = nodes?.type === 'map' ? nodes.entries : []
  return {
    instanceSecret: textOf(memberOf(root, 'instanceSecret')),
    defaultLeader: textOf(memberOf(root, 'defaultLeader')) ?? (entries.length === 1 ? (entries[0]?.key ?? null) : null),
    clientSkipVerify: isTrue(memberOf(root, 'clientSkipVerify')),
    usesTls: isTrue(memberOf(root, 'serverMustUseTLS')) || textOf(memberOf(memberOf(root, 'tls'), 'cert')) !== null,
    nodes: Object.fromEntries(entries.map(({ key, node }) => [key, clientNodeOf(node)])),
  }
}

function clientNodeOf(node: SourceNode): ClientNode {
  const clientDomain = textOf(memberOf(node, 'clientDomain'))
  const reachable = (name: string): Address | null => {
    const address = parseAddress(textOf(memberOf(node, name)) ?? '')
    if (address === undefined) return null
    const host = clientDomain ?? (isWildcardHost(address.host) ? '127.0.0.1' : address.host)
    return { host, port: address.port }
  }
  const raftAdvertise = parseAddress(textOf(memberOf(node, 'raftAdvertise')) ?? '')
  const raftBinding = parseAddress(textOf(memberOf(node, 'raftBinding')) ?? '')
  return {
    publicAddress: reachable('publicBinding'),
    privateAddress: reachable('privateBinding'),
    raftAddress: raftAdvertise ?? (raftBinding === undefined ? null : dialledAddress(raftBinding, clientDomain)),
  }
}

function memberOf(node: SourceNode | undefined, name: string): SourceNode | undefined {
  if (node?.type !== 'map') return undefined
  const spellings = spellingsOf(name)
  return node.entries.find((entry) => spellings.includes(entry.key))?.node
}

function textOf(node: SourceNode | undefined): string | null {
  return node?.type === 'value' && typeof node.value === 'string' && node.value !== '' ? node.value : null
}

function isTrue(node: SourceNode | undefined): boolean {
  return node?.type === 'value' && node.value === true
}
