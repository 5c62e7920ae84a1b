// What the JSON of successful answers looks like, by route. The OpenAPI description is made from it, and the tests hold every
// answer of a node against it. The members are exact here; to programs they are described as open, since later versions may add
// some.
import { z } from 'zod'
import { ERRORS } from './errors.ts'
import type { JsonObject } from './json.ts'

const count = z.int().min(0)
const revision = z.int().min(0)
const text = z.string()
const time = z.iso.datetime()
const expiresAt = time.nullable()
const success = z.literal(true)
const done = z.strictObject({ status: z.literal('ok') })

const value = z.strictObject({
  data: text,
  /** The three come together, when `meta` asks for them. */
  revision: revision.optional(),
  expires_at: expiresAt.optional(),
  ttl_ms: count.nullable().optional(),
})
const keys = z.array(text).min(1).nullable()
const entries = z.strictObject({
  entries: z.array(z.strictObject({ key: text, value: text, revision, expires_at: expiresAt })),
  next: text.nullable(),
  as_of: revision,
})

const carriedOut = z.strictObject({
  ok: success,
  revision,
  data: text.optional(),
  event_id: count.optional(),
})
const refused = z.strictObject({
  ok: z.literal(false),
  error_type: z.enum(Object.keys(ERRORS)),
  message: text,
  current: z.int().optional(),
  limit: z.int().optional(),
})

const usage = z.strictObject({
  bytes_on_disk: count,
  bytes_in_memory: count,
  events_emitted: count,
  subscribers: count,
})
/** A member that is absent is unlimited. */
const storageLimits = {
  bytes_on_disk: z.int().optional(),
  bytes_in_memory: z.int().optional(),
  events_emitted: z.int().optional(),
  subscribers: z.int().optional(),
}
const usageAndLimits = z.strictObject({
  usage,
  max_limits: z.strictObject({
    ...storageLimits,
    rate_per_second_data_limit: z.int().optional(),
    rate_per_second_event_limit: z.int().optional(),
  }),
})
const entity = z.strictObject({
  root_api_key: text,
  aliases: z.array(text),
  data_scope_uuid: text,
  key_uuid: text,
  status: z.enum(['active', 'deleting']),
  usage: z.strictObject({ usage, max_limits: z.strictObject(storageLimits) }),
})
const oneEntity = z.strictObject({ entity })

/** What only a leader knows is null without one. */
const quorum = z.strictObject({ voters: count, size: count, active: count.nullable(), margin: z.int().nullable() })
const members = z.array(
  z.strictObject({
    member_id: text,
    node_id: text,
    incarnation: text,
    role: z.enum(['voter', 'learner']),
    demoted: z.boolean(),
    raft_address: text,
    leader: z.boolean(),
    lag_entries: count.nullable(),
    active: z.boolean().nullable(),
  }),
)
const clusterStatus = z.strictObject({
  state: z.enum(['ok', 'degraded', 'no_quorum']),
  cluster_id: text.nullable(),
  leader: text.nullable(),
  term: count,
  commit_index: count,
  membership_index: count,
  settled: z.boolean(),
  quorum,
  members,
  /** Of the node that answers. */
  topology: z.strictObject({ node_id: text, generation: count, hash: text.nullable() }),
})
const step = z.strictObject({
  changed: z.boolean(),
  plan: z.strictObject({
    action: z.enum(['transfer', 'add', 'promote', 'demote', 'remove']),
    member_id: text.nullable(),
    verdict: z.enum(['allowed', 'nothing', 'refused']),
    code: text.nullable(),
    reason: text,
    warnings: z.array(text),
    voters_before: z.array(text),
    voters_after: z.array(text),
    quorum_before: quorum,
    quorum_after: quorum,
  }),
})

const operations = z.strictObject({
  op_vs: z.number().min(0),
  op_cache: z.number().min(0),
  op_events: z.number().min(0),
  op_subscribers: z.number().min(0),
  op_blobs: z.number().min(0),
  op_system: z.number().min(0),
})

const ofBoth = (noun: 'value' | 'cache', list: z.ZodType): Record<string, z.ZodType> => ({
  [`${noun}.get`]: value,
  [`${noun}.iterate`]: list,
  [`${noun}.entries`]: entries,
  [`${noun}.count`]: z.strictObject({ count }),
  [`${noun}.deleteRange`]: z.strictObject({ removed: count, done: z.boolean() }),
})

/** By the name of the route; those whose answer is no JSON are absent. */
export const ANSWERS: Readonly<Record<string, z.ZodType>> = {
  ...ofBoth('value', z.strictObject({ data: keys })),
  ...ofBoth('cache', keys),
  'value.bump': z.strictObject({ data: text.regex(/^-?\d{1,19}$/) }),
  batch: z.strictObject({ results: z.array(z.union([carriedOut, refused])) }),
  txn: z.strictObject({ succeeded: z.boolean(), revision, results: z.array(carriedOut) }),
  'event.purge': z.strictObject({ success, key_uuid: text, disconnected_sessions: count }),
  'event.shake': z.strictObject({ success, disconnected_sessions: count }),
  ping: z.strictObject({
    entity: text,
    leader: text,
    'node-badge-id': text,
    status: z.literal('ok'),
    uptime: text,
  }),
  limits: usageAndLimits,
  'alias.set': z.strictObject({ alias: text }),
  'alias.delete': done,
  'alias.list': z.strictObject({ aliases: keys }),
  'admin.api.create': z.strictObject({ key_name: text, key: text }),
  'admin.api.delete': z.strictObject({ success: z.literal('true') }),
  'admin.limits.get': usageAndLimits,
  'admin.limits.set': done,
  'admin.insight.entity': oneEntity,
  'admin.insight.entities': z.strictObject({ entities: z.array(entity).min(1).nullable() }),
  'admin.insight.entityByAlias': oneEntity,
  'admin.metrics.ops': operations,
  'admin.overview': z.looseObject({
    node_id: text,
    version: text,
    cluster: clusterStatus.nullable(),
    operations,
    entities: z.looseObject({ active: count, deleting: count }),
    history: z.array(z.looseObject({ time, type: text })),
  }),
  'admin.log.get': z.strictObject({ node_id: text, level: z.enum(['debug', 'info', 'warn', 'error']) }),
  'admin.log.set': z.strictObject({ node_id: text, level: z.enum(['debug', 'info', 'warn', 'error']) }),
  'cluster.status': clusterStatus,
  'cluster.members': z.strictObject({ members }),
  'cluster.transfer': step,
  'cluster.add': step,
  'cluster.promote': step,
  'cluster.demote': step,
  'cluster.remove': step,
  'cluster.topology': z.strictObject({
    node_id: text,
    generation: count,
    hash: text.nullable(),
    source: z.enum(['file', 'push']),
    nodes: z.array(text),
  }),
  'cluster.topologyPush': z.strictObject({ node_id: text, changed: z.boolean(), generation: count, hash: text }),
  'cluster.leaveGate': z.strictObject({ safe: z.boolean(), leader: text.nullable(), reason: text }),
  'ops.version': z.strictObject({ name: z.literal('insi'), version: text, node: text }),
  'openapi.public': z.looseObject({ openapi: z.literal('3.1.0') }),
  'openapi.all': z.looseObject({ openapi: z.literal('3.1.0') }),
}

/** As JSON Schema (draft 2020-12), with room for members that later versions add. */
export function answerSchemaOf(routeName: string): JsonObject | undefined {
  const answer = ANSWERS[routeName]
  if (answer === undefined) return undefined
  const { $schema: _version, ...schema } = z.toJSONSchema(answer, {
    override: ({ jsonSchema }) => {
      delete jsonSchema.additionalProperties
    },
  })
  return schema as JsonObject
}
