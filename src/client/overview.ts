// Everything about a cluster at once, for those who watch it. Needs the root key.
import { parseStatus } from './cluster.ts'
import type { ClusterStatus } from './cluster.ts'
import { routeNamed } from './http.ts'
import type { HttpClient } from './http.ts'
import { parseRates } from './insight.ts'
import type { OperationRates } from './insight.ts'
import { asList, asNumber, asObject, asText } from './parse.ts'

/** One entity that uses much. */
export interface EntityUse {
  readonly keyUuid: string
  readonly name: string
  readonly diskBytes: number
  readonly memoryBytes: number
  readonly events: number
  readonly subscribers: number
  /** Of the limit that it is closest to, with the limit's name; null when it has none. */
  readonly fullest: { readonly resource: string; readonly ratio: number } | null
}

export interface Overview {
  readonly nodeId: string
  readonly version: string
  /** Null while the node that answers finds no leader. */
  readonly cluster: ClusterStatus | null
  readonly rates: OperationRates
  readonly entityCount: number
  readonly diskBytes: number
  readonly memoryBytes: number
  /** Those that use the most, the most first. */
  readonly top: readonly EntityUse[]
  /** The answer as it came. */
  readonly wire: unknown
}

const ROUTE = routeNamed('admin.overview', 'GET')

export async function overview(http: HttpClient): Promise<Overview> {
  const wire = await http.call(ROUTE, {})
  const answer = asObject(wire, 'the answer')
  const entities = asObject(answer.entities, 'entities')
  return {
    nodeId: asText(answer.node_id, 'node_id'),
    version: asText(answer.version, 'version'),
    cluster: answer.cluster === null ? null : parseStatus(answer.cluster),
    rates: parseRates(answer.operations),
    entityCount: asNumber(entities.active, 'active'),
    diskBytes: asNumber(entities.bytes_on_disk, 'bytes_on_disk'),
    memoryBytes: asNumber(entities.bytes_in_memory, 'bytes_in_memory'),
    top: asList(entities.top, 'top').map(parseUse),
    wire,
  }
}

function parseUse(value: unknown): EntityUse {
  const use = asObject(value, 'entity')
  return {
    keyUuid: asText(use.key_uuid, 'key_uuid'),
    name: asText(use.name, 'name'),
    diskBytes: asNumber(use.bytes_on_disk, 'bytes_on_disk'),
    memoryBytes: asNumber(use.bytes_in_memory, 'bytes_in_memory'),
    events: asNumber(use.events, 'events'),
    subscribers: asNumber(use.subscribers, 'subscribers'),
    fullest: fullestOf(Object.entries(asObject(use.quota_usage, 'quota_usage'))),
  }
}

function fullestOf(ratios: readonly (readonly [string, unknown])[]): EntityUse['fullest'] {
  let fullest: EntityUse['fullest'] = null
  for (const [resource, ratio] of ratios) {
    if (typeof ratio === 'number' && (fullest === null || ratio > fullest.ratio)) fullest = { resource, ratio }
  }
  return fullest
}
