// Usage and limits of an entity, and the names that they have on the wire.
import { routeNamed } from './http.ts'
import type { HttpClient } from './http.ts'
import type { CallOptions, ReadOptions } from './options.ts'
import { asNumber, asObject } from './parse.ts'

export interface Usage {
  readonly diskBytes: number
  readonly memoryBytes: number
  /** Published in the present window of 24 hours. */
  readonly events: number
  /** Open subscriptions on all nodes. */
  readonly subscribers: number
}

/** Absent: unlimited. */
export interface Limits {
  readonly diskBytes?: number
  readonly memoryBytes?: number
  /** Within 24 hours. */
  readonly events?: number
  readonly subscribers?: number
  readonly dataRequestsPerSecond?: number
  readonly eventRequestsPerSecond?: number
}

export interface UsageAndLimits {
  readonly usage: Usage
  readonly limits: Limits
}

/** Wire names of the limits, and of usage, which has the first four. */
const LIMIT_WIRE_NAMES: Readonly<Record<keyof Limits, string>> = {
  diskBytes: 'bytes_on_disk',
  memoryBytes: 'bytes_in_memory',
  events: 'events_emitted',
  subscribers: 'subscribers',
  dataRequestsPerSecond: 'rate_per_second_data_limit',
  eventRequestsPerSecond: 'rate_per_second_event_limit',
}

export class LimitsClient {
  readonly #http: HttpClient
  readonly #ownRoute = routeNamed('limits')
  readonly #getRoute = routeNamed('admin.limits.get', 'POST')
  readonly #setRoute = routeNamed('admin.limits.set')

  constructor(http: HttpClient) {
    this.#http = http
  }

  /** Of the client's key. */
  async own(options: ReadOptions = {}): Promise<UsageAndLimits> {
    return parseUsageAndLimits(await this.#http.call(this.#ownRoute, {}, options))
  }

  /** Of any key; needs the root key. API_KEY_NOT_FOUND, INVALID_TARGET_KEY. */
  async of(apiKey: string, options: ReadOptions = {}): Promise<UsageAndLimits> {
    return parseUsageAndLimits(await this.#http.call(this.#getRoute, { api_key: apiKey }, options))
  }

  /** Changes the limits that are present; needs the root key. They hold at once. */
  async set(apiKey: string, limits: Limits, options: CallOptions = {}): Promise<void> {
    await this.#http.call(this.#setRoute, { api_key: apiKey, limits: toWire(limits) }, options)
  }
}

/** Usage and limits as the API answers them. */
export function usageAndLimitsToWire(of: UsageAndLimits): Record<string, Record<string, number>> {
  return { usage: toWire(of.usage), max_limits: toWire(of.limits) }
}

/** The inverse of `usageAndLimitsToWire`. */
export function parseUsageAndLimits(value: unknown): UsageAndLimits {
  const body = asObject(value, 'the answer')
  return { usage: parseUsage(body.usage), limits: parseLimits(body.max_limits) }
}

// Absent members stay absent.
function toWire(members: Limits): Record<string, number> {
  const wire: Record<string, number> = {}
  for (const [name, wireName] of limitNames()) {
    const value = members[name]
    if (value !== undefined) wire[wireName] = value
  }
  return wire
}

function parseUsage(value: unknown): Usage {
  const parsed = parseLimits(value)
  return {
    diskBytes: parsed.diskBytes ?? 0,
    memoryBytes: parsed.memoryBytes ?? 0,
    events: parsed.events ?? 0,
    subscribers: parsed.subscribers ?? 0,
  }
}

function parseLimits(value: unknown): Limits {
  const wire = asObject(value, 'limits')
  const limits: Partial<Record<keyof Limits, number>> = {}
  for (const [name, wireName] of limitNames()) {
    const member = wire[wireName]
    if (member !== undefined && member !== null) limits[name] = asNumber(member, wireName)
  }
  return limits
}

function limitNames(): [keyof Limits, string][] {
  return Object.entries(LIMIT_WIRE_NAMES) as [keyof Limits, string][]
}
