// A configuration of which every single option was checked, but not yet how they fit together. Faulty options are absent.
import type { Fault, Place } from './faults.ts'
import type { RawConfig, RawValue } from './file-values.ts'
import { CLUSTER, NODE, optionsOf } from './options.ts'
import type { Option } from './options.ts'
import type { ClusterFile, NodeFile } from './schema.ts'

type Partially<T> = { readonly [K in keyof T]?: T[K] extends Record<string, unknown> ? Partially<T[K]> : T[K] }

type NodeDraft = Partially<NodeFile>

export interface Draft {
  readonly values: Partially<Omit<ClusterFile, 'nodes'>>
  readonly nodes: Readonly<Record<string, NodeDraft>>
  /** Place of an option by name; of a node's option by `nodes.<id>.<name>`, and of the node by `nodes.<id>`. */
  placeOf(name: string): Place | null
}

/** Checks each option by itself. Without faults the draft is complete. */
export function draftOf(raw: RawConfig, faults: Fault[]): Draft {
  const places = new Map<string, Place>()
  const values = parseOptions(optionsOf(CLUSTER), '', raw.values, faults, places)
  const nodes: Record<string, NodeDraft> = {}
  for (const [id, node] of raw.nodes) {
    const prefix = `nodes.${id}.`
    places.set(`nodes.${id}`, node.place)
    reportMissingBindings(id, node.values, node.place, faults)
    nodes[id] = parseOptions(optionsOf(NODE), prefix, node.values, faults, places)
  }
  return { values, nodes, placeOf: (name) => places.get(name) ?? null }
}

function parseOptions(
  options: readonly Option[],
  prefix: string,
  raw: ReadonlyMap<string, RawValue>,
  faults: Fault[],
  places: Map<string, Place>,
): Record<string, unknown> {
  const parsed: Record<string, unknown> = {}
  for (const option of options) {
    const given = raw.get(option.name)
    if (given !== undefined) places.set(prefix + option.name, given.place)
    const result = option.schema.safeParse(given?.value)
    if (result.success) setAtPath(parsed, option.path, result.data)
    else if (given !== undefined) faults.push(wrongValue(option, prefix, given))
    else if (prefix === '')
      faults.push({ place: null, message: option.missing ?? `${option.name} is missing in config` })
  }
  return parsed
}

function reportMissingBindings(id: string, values: ReadonlyMap<string, RawValue>, place: Place, faults: Fault[]): void {
  const missing = optionsOf(NODE).filter((option) => !option.optional && !values.has(option.name))
  if (missing.length === 0) return
  const names = missing.map((option) => option.name).join(' and ')
  const message = `nodes.${id} has no ${names}: raftBinding, privateBinding and publicBinding are required for each node`
  faults.push({ place, message })
}

function wrongValue(option: Option, prefix: string, given: RawValue): Fault {
  const name = prefix + option.name
  const shown = option.secret ? '' : `, not ${describeValue(given.value)}`
  const isEmptyOrZero = given.value === '' || given.value === 0
  const missing = isEmptyOrZero && option.missing !== null ? `${option.missing}: it` : name
  return { place: given.place, message: `${missing} must be ${option.expected}${shown}` }
}

/** The value as the file would show it, cut when long. */
function describeValue(value: unknown): string {
  if (Array.isArray(value)) return `the list ${JSON.stringify(value).slice(0, 80)}`
  if (typeof value === 'object' && value !== null) return 'a group of options'
  return JSON.stringify(value)?.slice(0, 80) ?? 'nothing'
}

function setAtPath(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [key, ...rest] = path
  if (key === undefined) return
  if (rest.length === 0) {
    target[key] = value
    return
  }
  const child = (target[key] ?? {}) as Record<string, unknown>
  target[key] = child
  setAtPath(child, rest, value)
}
