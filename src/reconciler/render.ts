// From topology to the text of cluster.yaml. Pure: equal input, equal bytes, so that nothing is written when nothing changed.
import { createHash } from 'node:crypto'
import { parse, stringify } from 'yaml'
import { isWanted, ordinalOf } from './snapshot.ts'
import type { RaftView, SetView } from './snapshot.ts'

/** Names of options that hold secrets, in any spelling: never part of a ConfigMap. */
const SECRET_PATTERN = /^(previous)?(instance|node)?secret$/i
const HEAD = '# Made by insi-reconciler from the StatefulSet and the cluster: changes by hand are undone.'

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

/** What was rendered before, as the ConfigMap's annotations remember it. */
export interface Rendering {
  readonly generation: number
  /** Hexadecimal SHA-256 of the content below the head. */
  readonly hash: string
}

export interface RenderedFile extends Rendering {
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
 * The file for `nodeIds`. `base` is the YAML of all other options. The generation grows when the content does not have
 * `previous`' hash. Throws when `base` is no map of options or has a secret in it.
 */
export function render(
  base: string,
  nodeIds: readonly string[],
  addressing: Addressing,
  previous: Rendering | null,
): RenderedFile {
  const options = optionsOf(base)
  const nodes = Object.fromEntries(nodeIds.map((nodeId) => [nodeId, nodeOf(nodeId, addressing)]))
  const body = stringify({ ...(sorted(options) as object), nodes }, { lineWidth: 0, aliasDuplicateObjects: false })
  const hash = createHash('sha256').update(body, 'utf8').digest('hex')
  const generation = previous === null ? 1 : previous.hash === hash ? previous.generation : previous.generation + 1
  return { generation, hash, text: `${HEAD}\n# generation: ${generation}, hash: ${hash}\n${body}` }
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
    if (SECRET_PATTERN.test(name.replaceAll(/[_-]/g, ''))) throw new Error(`base.yaml has the secret ${name} in it`)
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
