// What all entities use together, who uses the most and who is close to a limit. A look at all of them is made in small steps,
// so that it never holds up the node, and is shared by everybody who asks within a few seconds.
import { delay } from '../base/clock.ts'
import type { Clock } from '../base/clock.ts'
import { NEAR_QUOTA_RATIO, USAGE_SAMPLE_ENTITIES_PER_TURN, USAGE_SAMPLE_KEPT_MS } from '../contract/limits.ts'
import { ROOT_ENTITY_ID } from '../state/commands.ts'
import type { EntityRecord, EntityUsage, StateReader } from '../state/state-reader.ts'

const RESOURCES = ['disk', 'memory', 'events', 'subscribers'] as const
type Resource = (typeof RESOURCES)[number]

interface EntityUse {
  readonly keyUuid: string
  readonly name: string
  readonly diskBytes: number
  readonly memoryBytes: number
  readonly events: number
  readonly subscribers: number
  /** Usage as a part of the limit; null where there is none. */
  readonly ratios: Readonly<Record<Resource, number | null>>
}

export interface UsageTotals {
  readonly activeCount: number
  readonly deletingCount: number
  /** Root included. */
  readonly sums: Readonly<Record<Resource, number>>
  readonly evictions: number
  /** Of whoever is closest to its limit; 0 when nobody has one. */
  readonly ratioMax: Readonly<Record<Resource, number>>
  readonly nearQuotaCount: Readonly<Record<Resource, number>>
  /** Those that use the most bytes, the most first; never root. */
  readonly top: readonly EntityUse[]
  /** All that are not in `top`, root included. */
  readonly other: {
    readonly diskBytes: number
    readonly memoryBytes: number
    readonly events: number
    readonly subscribers: number
  }
}

export class UsageTotalsService {
  readonly #clock: Clock
  readonly #reader: StateReader
  readonly #topCountMax: number
  #sample: { readonly takenMs: number; readonly totals: Promise<UsageTotals> } | null = null

  constructor(
    deps: { readonly clock: Clock; readonly reader: StateReader },
    options: { readonly topCountMax: number },
  ) {
    this.#clock = deps.clock
    this.#reader = deps.reader
    this.#topCountMax = options.topCountMax
  }

  /** At most USAGE_SAMPLE_KEPT_MS old, of this node's state. */
  totals(): Promise<UsageTotals> {
    const nowMs = this.#clock.monotonicMs()
    if (this.#sample !== null && nowMs - this.#sample.takenMs < USAGE_SAMPLE_KEPT_MS) return this.#sample.totals
    const totals = this.#take()
    this.#sample = { takenMs: nowMs, totals }
    totals.catch(() => {
      this.#sample = null
    })
    return totals
  }

  async #take(): Promise<UsageTotals> {
    const sum = new Summary(this.#topCountMax)
    const nowMs = this.#clock.nowMs()
    sum.addRoot(this.#reader.usage(ROOT_ENTITY_ID, nowMs))
    // Entities that come or go meanwhile may shift a page by one: then one is counted twice or not at all, this once.
    for (let offset = 0; ; offset += USAGE_SAMPLE_ENTITIES_PER_TURN) {
      const page = this.#reader.listEntities(offset, USAGE_SAMPLE_ENTITIES_PER_TURN)
      for (const entity of page) sum.add(entity, this.#reader.usage(entity.entityId, nowMs))
      if (page.length < USAGE_SAMPLE_ENTITIES_PER_TURN) return sum.totals()
      await delay(this.#clock, 0)
    }
  }
}

class Summary {
  readonly #topCountMax: number
  readonly #sums = zeros()
  readonly #ratioMax = zeros()
  readonly #nearQuotaCount = zeros()
  readonly #top: EntityUse[] = []
  #activeCount = 0
  #deletingCount = 0
  #evictions = 0

  constructor(topCountMax: number) {
    this.#topCountMax = topCountMax
  }

  addRoot(usage: EntityUsage): void {
    this.#addUsage(usage)
  }

  add({ keyUuid, limits, name, status }: EntityRecord, usage: EntityUsage): void {
    if (status === 'active') this.#activeCount += 1
    else this.#deletingCount += 1
    this.#addUsage(usage)
    const { diskBytes, memoryBytes, events, subscribers } = usage
    const ratios = {
      disk: ratioOf(diskBytes, limits.diskBytes),
      memory: ratioOf(memoryBytes, limits.memoryBytes),
      events: ratioOf(events, limits.eventsPerDay),
      subscribers: ratioOf(subscribers, limits.subscribers),
    }
    for (const resource of RESOURCES) {
      const ratio = ratios[resource] ?? 0
      this.#ratioMax[resource] = Math.max(this.#ratioMax[resource], ratio)
      if (ratio >= NEAR_QUOTA_RATIO) this.#nearQuotaCount[resource] += 1
    }
    this.#keepIfTop({ keyUuid, name, diskBytes, memoryBytes, events, subscribers, ratios })
  }

  totals(): UsageTotals {
    const top = this.#top
    const rest = (member: 'diskBytes' | 'memoryBytes' | 'events' | 'subscribers', resource: Resource): number =>
      top.reduce((left, entity) => left - entity[member], this.#sums[resource])
    return {
      activeCount: this.#activeCount,
      deletingCount: this.#deletingCount,
      sums: this.#sums,
      evictions: this.#evictions,
      ratioMax: this.#ratioMax,
      nearQuotaCount: this.#nearQuotaCount,
      top,
      other: {
        diskBytes: rest('diskBytes', 'disk'),
        memoryBytes: rest('memoryBytes', 'memory'),
        events: rest('events', 'events'),
        subscribers: rest('subscribers', 'subscribers'),
      },
    }
  }

  #addUsage({ diskBytes, events, evictions, memoryBytes, subscribers }: EntityUsage): void {
    this.#sums.disk += diskBytes
    this.#sums.memory += memoryBytes
    this.#sums.events += events
    this.#sums.subscribers += subscribers
    this.#evictions += evictions
  }

  /** Sorted insertion: most entities are not among the first, and cost one comparison. */
  #keepIfTop(entity: EntityUse): void {
    const top = this.#top
    const last = top[this.#topCountMax - 1]
    if (this.#topCountMax === 0 || (last !== undefined && !isAhead(entity, last))) return
    let at = top.length
    for (let before = top[at - 1]; before !== undefined && isAhead(entity, before); before = top[at - 1]) at -= 1
    top.splice(at, 0, entity)
    if (top.length > this.#topCountMax) top.pop()
  }
}

function isAhead(one: EntityUse, other: EntityUse): boolean {
  const difference = one.diskBytes + one.memoryBytes - other.diskBytes - other.memoryBytes
  return difference > 0 || (difference === 0 && one.events > other.events)
}

/** A limit of 0 forbids: nobody comes close to it. */
function ratioOf(used: number, limit: number | null): number | null {
  return limit === null || limit === 0 ? null : used / limit
}

function zeros(): Record<Resource, number> {
  return { disk: 0, memory: 0, events: 0, subscribers: 0 }
}
