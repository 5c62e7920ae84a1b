// From topology to the text of cluster.yaml. Pure: equal input, equal bytes, so that nothing is written when nothing changed.
import { parse, stringify } from 'yaml'
import { isSecretOption, topologyHash, topologyText } from '../contract/topology.ts'
import type { TopologyFile, TopologyMark } from '../contract/topology.ts'
import { isWanted, ordinalOf } from './snapshot.ts'
import type { RaftView, SetView } from './snapshot.ts'

const TITLE = 'Made by insi-reconciler from the StatefulSet and the cluster: changes by hand are undone.'

/** How the pods are reached; the same for each. */
export interface Addressing {
  readonly headlessService: string
  readonly namespace: string
  readonly clusterDomain: string
  readonly ports: {
    readonly public: number
    readonly private: number
    readonly raft: number
    readonly ops: number
  }
}

export interface RenderedFile extends TopologyFile {
  readonly text: string
}

/** DNS name of a pod: stays the same when its address changes. */
export function hostOf(nodeId: string, { clusterDomain, headlessService, namespace }: Addressing): string {
  return `${nodeId}.${headlessService}.${namespace}.svc.${clusterDomain}`
}

/**
 * The nodes that cluster.yaml names: every pod that is wanted, and every member until it is removed. While no leader says who
 * is a member, whoever was named before stays.
 */
export function nodesOf(set: SetView, raft: RaftView | null, namedBefore: readonly string[]): string[] {
  const wanted = Array.from({ length: set.replicas }, (_, at) => set.firstOrdinal + at)
  const named = raft === null ? namedBefore : raft.members.map((member) => member.nodeId)
  const members = named.flatMap((nodeId) => ordinalOf(set.name, nodeId) ?? [])
  const others = new Set(members.filter((ordinal) => !isWanted(set, ordinal)))
  return [...wanted, ...others].sort((a, b) => a - b).map((ordinal) => `${set.name}-${ordinal}`)
}

/**
 * The file for `nodeIds`. `base` is the YAML of all other options; `earlier` is what was rendered before, as the ConfigMap and the
 * nodes remember it: the newest of it stays when it has this content, and is outdone otherwise, so that every node takes the
 * file even if the ConfigMap was made anew. Throws when `base` is no map of options or has a secret in it.
 */
export function render(
  base: string,
  nodeIds: readonly string[],
  addressing: Addressing,
  earlier: readonly TopologyMark[],
): RenderedFile {
  const options = optionsOf(base)
  const nodes = Object.fromEntries(nodeIds.map((nodeId) => [nodeId, nodeOf(nodeId, addressing)]))
  const body = stringify({ ...(sorted(options) as object), nodes }, { lineWidth: 0, aliasDuplicateObjects: false })
  const hash = topologyHash(body)
  const newest = Math.max(0, ...earlier.map((one) => one.generation))
  const isKnown = newest > 0 && earlier.every((one) => one.generation < newest || one.hash === hash)
  const file = { generation: isKnown ? newest : newest + 1, hash, body }
  return { ...file, text: topologyText(TITLE, file) }
}

/** The nodes that a file names; none when it is no such file. */
export function nodesIn(text: string): string[] {
  try {
    const file = parse(text) as { readonly nodes?: object } | null
    return Object.keys(file?.nodes ?? {})
  } catch {
    return []
  }
}

function nodeOf(nodeId: string, addressing: Addressing): Record<string, string> {
  const { ports } = addressing
  const host = hostOf(nodeId, addressing)
  return {
    clientDomain: host,
    opsBinding: `0.0.0.0:${ports.ops}`,
    privateBinding: `0.0.0.0:${ports.private}`,
    publicBinding: `0.0.0.0:${ports.public}`,
    raftAdvertise: `${host}:${ports.raft}`,
    raftBinding: `0.0.0.0:${ports.raft}`,
  }
}

function optionsOf(base: string): object {
  const options: unknown = parse(base) ?? {}
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new Error('base.yaml must be a map of options')
  }
  for (const name of Object.keys(options)) {
    if (isSecretOption(name)) throw new Error(`base.yaml has the secret ${name} in it`)
    if (name === 'nodes') throw new Error('base.yaml has nodes: they come from the StatefulSet')
  }
  return options
}

/** The same value with the keys of every map in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]))
}
