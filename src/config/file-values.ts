// Matches the tree of the file with the options: every spelling becomes the first one, what nobody knows becomes a fault.
import type { Fault, Place } from './faults.ts'
import { CLUSTER, NODE, NODES } from './options.ts'
import type { Section } from './options.ts'
import { NODE_ID_PATTERN } from './schema.ts'
import type { SourceMap, SourceNode } from './source-file.ts'
import { nearestName, snakeCase } from './spelling.ts'

/** A value that has not been checked, and where it stands. */
export interface RawValue {
  readonly value: unknown
  readonly place: Place
}

interface RawNode {
  readonly place: Place
  readonly values: Map<string, RawValue>
}

export interface RawConfig {
  /** By name of the option. */
  readonly values: Map<string, RawValue>
  readonly nodes: Map<string, RawNode>
}

/** Takes over what the file says. Faults: unknown keys, a key in two spellings, a section that is none. */
export function readFileValues(root: SourceNode | null, faults: Fault[]): RawConfig {
  const raw: RawConfig = { values: new Map(), nodes: new Map() }
  if (root === null) return raw
  if (root.type === 'value') {
    if (root.value !== null) faults.push({ place: root.place, message: 'the file must be a map of options' })
    return raw
  }
  const nodesEntry = root.entries.find((entry) => entry.key === NODES)
  const others = root.entries.filter((entry) => entry !== nodesEntry)
  readSection({ ...root, entries: others }, CLUSTER, { where: '', otherKeys: [NODES], values: raw.values, faults })
  if (nodesEntry !== undefined) readNodes(nodesEntry.node, raw.nodes, faults)
  return raw
}

interface Sink {
  /** Path of the section within the file; empty at the top. */
  readonly where: string
  /** Keys beside the section's own, for "did you mean". */
  readonly otherKeys: readonly string[]
  readonly values: Map<string, RawValue>
  readonly faults: Fault[]
}

function readSection(map: SourceMap, section: Section, sink: Sink): void {
  const { values, faults } = sink
  const seen = new Map<string, string>()
  for (const { key, place, node } of map.entries) {
    const name = section.spellings.get(key)
    const member = name === undefined ? undefined : section.members.get(name)
    if (name === undefined || member === undefined) {
      faults.push({ place, message: unknownKey(key, section, sink) })
      continue
    }
    const earlier = seen.get(name)
    if (earlier !== undefined) {
      faults.push({ place, message: `"${key}" is the same option as "${earlier}" above: keep one of them` })
      continue
    }
    seen.set(name, key)
    const isEmpty = node.type === 'value' && node.value === null
    if (isEmpty) continue
    if (member.type === 'option') {
      values.set(member.name, { value: node.type === 'map' ? {} : node.value, place: node.place })
    } else if (node.type === 'map') {
      readSection(node, member, { ...sink, where: member.name, otherKeys: [] })
    } else {
      faults.push({ place: node.place, message: `${member.name} must have options below it: ${keysOf(member)}` })
    }
  }
}

function readNodes(nodes: SourceNode, found: Map<string, RawNode>, faults: Fault[]): void {
  if (nodes.type === 'value') {
    if (nodes.value !== null) faults.push({ place: nodes.place, message: 'nodes must be a map of node ids' })
    return
  }
  for (const { key, place, node } of nodes.entries) {
    if (!NODE_ID_PATTERN.test(key)) {
      faults.push({
        place,
        message: `"${key}" is no node id: use up to 63 letters, digits, dots, dashes and underscores, a letter or digit first`,
      })
      continue
    }
    const values = new Map<string, RawValue>()
    const where = `nodes.${key}`
    if (node.type === 'map') readSection(node, NODE, { where, otherKeys: [], values, faults })
    else if (node.value !== null) faults.push({ place: node.place, message: `${where} must have bindings below it` })
    found.set(key, { place, values })
  }
}

function keysOf(section: Section): string {
  return [...section.members.keys()].join(', ')
}

function unknownKey(key: string, section: Section, sink: Sink): string {
  const where = sink.where === '' ? '' : ` in ${sink.where}`
  const nearest = nearestName(key, [...section.members.keys(), ...sink.otherKeys])
  if (nearest === undefined) return `unknown key "${key}"${where}`
  const spelling = key.includes('_') ? snakeCase(nearest) : nearest
  return `unknown key "${key}"${where}: did you mean "${spelling}"?`
}
