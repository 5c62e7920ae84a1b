// The series of single entities, served apart from the others: as many lines as were asked for, whatever the number of entities.
import { ENTITY_SERIES, QUOTA_RESOURCES } from './catalogue.ts'
import { headLines } from './plain-histogram.ts'

/** What one entity uses; `ratios` are null where it has no limit. */
interface EntitySample {
  readonly keyUuid: string
  readonly diskBytes: number
  readonly memoryBytes: number
  readonly events: number
  readonly subscribers: number
  readonly ratios: Readonly<Record<(typeof QUOTA_RESOURCES)[number], number | null>>
}

export interface EntitiesSample {
  /** Those that use the most. */
  readonly top: readonly EntitySample[]
  /** All others together. */
  readonly other: Omit<EntitySample, 'keyUuid' | 'ratios'>
}

const MEMBERS = {
  insi_entity_disk_bytes: 'diskBytes',
  insi_entity_memory_bytes: 'memoryBytes',
  insi_entity_events: 'events',
  insi_entity_subscribers: 'subscribers',
} as const

const RATIO = 'insi_entity_quota_usage_ratio'

/** In the Prometheus text format. Key UUIDs need no escaping. */
export function entityText({ top, other }: EntitiesSample): string {
  const lines: string[] = []
  for (const [name, member] of Object.entries(MEMBERS) as [
    keyof typeof MEMBERS,
    (typeof MEMBERS)[keyof typeof MEMBERS],
  ][]) {
    lines.push(...headLines(name, ENTITY_SERIES[name]))
    for (const entity of top) lines.push(`${name}{entity="${entity.keyUuid}"} ${entity[member]}`)
    lines.push(`${name}{entity="other"} ${other[member]}`)
  }
  lines.push(...headLines(RATIO, ENTITY_SERIES[RATIO]))
  for (const { keyUuid, ratios } of top) {
    for (const resource of QUOTA_RESOURCES) {
      const ratio = ratios[resource]
      if (ratio !== null) lines.push(`${RATIO}{entity="${keyUuid}",resource="${resource}"} ${ratio}`)
    }
  }
  return `${lines.join('\n')}\n`
}
