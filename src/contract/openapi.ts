// The OpenAPI 3.1 description of the API, made from the table of routes: what docs/API.md says to people, for programs.
import { LOG_LEVELS } from '../base/log.ts'
import { answerSchemaOf } from './answers.ts'
import { ERRORS } from './errors.ts'
import type { ErrorCode } from './errors.ts'
import type { JsonObject } from './json.ts'
import {
  BATCH_COMMANDS_MAX,
  ITERATE_LIMIT_MAX,
  KEY_BYTES_MAX,
  NAME_CHARS_MAX,
  TOPOLOGY_BYTES_MAX,
  TTL_MS_MAX,
} from './limits.ts'
import { CONSISTENCY_MODES } from './route.ts'
import type { Field, FieldType, Method, Route } from './route.ts'

export interface OpenApiOptions {
  readonly version: string
}

const ERROR_REF: JsonObject = { $ref: '#/components/schemas/Error' }
const TTL: JsonObject = { type: 'integer', minimum: 1, maximum: TTL_MS_MAX }
const TEXT: JsonObject = { type: 'string' }
const OBJECTS: JsonObject = { type: 'array', maxItems: BATCH_COMMANDS_MAX, items: { type: 'object' } }

const SCHEMAS: Readonly<Record<FieldType, JsonObject>> = {
  key: { type: 'string', minLength: 1, maxLength: KEY_BYTES_MAX },
  prefix: { type: 'string', maxLength: KEY_BYTES_MAX },
  value: TEXT,
  increment: { type: 'string', pattern: String.raw`^[+-]?\d{1,19}$` },
  floor: { type: ['integer', 'null'] },
  offset: { type: 'integer', minimum: 0 },
  count: { type: 'integer', minimum: 0, maximum: ITERATE_LIMIT_MAX },
  name: { type: 'string', minLength: 1, maxLength: NAME_CHARS_MAX },
  token: TEXT,
  topic: TEXT,
  member: TEXT,
  address: TEXT,
  duration: { type: 'integer', minimum: 0 },
  level: { type: 'string', enum: [...LOG_LEVELS] },
  limits: { type: 'object', additionalProperties: { type: ['integer', 'null'] } },
  json: {},
  ttl: TTL,
  expiry: { ...TTL, type: ['integer', 'null'] },
  flag: { type: 'boolean' },
  revision: { type: 'integer', minimum: 0 },
  operations: OBJECTS,
  comparisons: OBJECTS,
  hash: { type: 'string', pattern: '^[0-9a-f]{64}$' },
  file: { type: 'string', minLength: 1, maxLength: TOPOLOGY_BYTES_MAX },
}

const BODY_ERRORS: readonly ErrorCode[] = [
  'INVALID_JSON',
  'INVALID_FIELD',
  'MISSING_FIELD',
  'BODY_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
]
const READ_ERRORS: readonly ErrorCode[] = ['INVALID_PARAMETER', 'NO_LEADER', 'READ_TIMEOUT', 'NODE_QUARANTINED']
const WRITE_ERRORS: readonly ErrorCode[] = ['NO_LEADER', 'OVERLOADED', 'NODE_STOPPING', 'OUTCOME_UNKNOWN']

/** The document about `routes`, as an object for JSON. */
export function openApiOf(routes: readonly Route[], { version }: OpenApiOptions): JsonObject {
  const paths: Record<string, JsonObject> = {}
  for (const route of routes) {
    const operations = route.methods.map((method) => [method.toLowerCase(), operationOf(route, method)] as const)
    paths[route.path] = { ...paths[route.path], ...Object.fromEntries(operations) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Insi', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'A tenant, alias or root key.' } },
      schemas: { Error: errorSchema() },
    },
  }
}

function operationOf(route: Route, method: Method): JsonObject {
  const hasBody = (method === 'POST' || method === 'PUT') && route.fields.length > 0
  return {
    operationId: route.methods.length === 1 ? route.name : `${route.name}.${method.toLowerCase()}`,
    summary: route.meaning,
    tags: [route.name.split('.')[0] ?? route.name],
    security: route.auth === 'none' ? [] : [{ key: [] }],
    parameters: parametersOf(route, method),
    ...(hasBody ? { requestBody: bodyOf(route) } : {}),
    responses: responsesOf(route, hasBody),
  }
}

function parametersOf(route: Route, method: Method): JsonObject[] {
  const fields = method === 'GET' ? route.fields.map(queryParameter) : []
  if (route.kind !== 'read') return fields
  const description = 'local: what this node has, without asking the others.'
  const schema = { type: 'string', enum: CONSISTENCY_MODES, default: CONSISTENCY_MODES[0] }
  return [...fields, { name: 'consistency', in: 'query', description, schema }]
}

function queryParameter({ name, type, required, meaning }: Field): JsonObject {
  return { name, in: 'query', required, description: meaning, schema: SCHEMAS[type] }
}

function bodyOf({ fields, kind }: Route): JsonObject {
  const required = fields.filter((field) => field.required).map((field) => field.name)
  const properties = fields.map(
    ({ name, type, meaning }) => [name, { ...SCHEMAS[type], description: meaning }] as const,
  )
  const schema = {
    type: 'object',
    properties: Object.fromEntries(properties),
    ...(required.length === 0 ? {} : { required }),
  }
  // A read may also have its fields in the query.
  return { required: kind === 'write', content: { 'application/json': { schema } } }
}

function responsesOf(route: Route, hasBody: boolean): JsonObject {
  const responses: Record<string, JsonObject> = { [route.success.status]: successOf(route) }
  for (const [errorStatus, codes] of codesByStatus(route, hasBody)) {
    const schema = { allOf: [ERROR_REF, { properties: { error_type: { enum: [...codes] } } }] }
    const description = [...codes].map((code) => `${code}: ${ERRORS[code].meaning}`).join('\n')
    responses[errorStatus] = { description, content: { 'application/json': { schema } } }
  }
  const description = 'Any other error of the catalogue.'
  return { ...responses, default: { description, content: { 'application/json': { schema: ERROR_REF } } } }
}

function successOf({ name, produces, success: { body } }: Route): JsonObject {
  if (body === '') return { description: 'Done; the body is empty.' }
  if (produces !== undefined) {
    return { description: body, content: { [produces]: { schema: { type: 'string', format: 'binary' } } } }
  }
  const schema = answerSchemaOf(name)
  const content: JsonObject =
    schema === undefined ? { 'text/plain': { schema: TEXT } } : { 'application/json': { schema } }
  return { description: body, content }
}

function codesByStatus(route: Route, hasBody: boolean): Map<number, Set<ErrorCode>> {
  const isKeyed = route.keyLimiter !== 'none'
  const codes: readonly ErrorCode[] = [
    ...route.errors,
    ...(route.auth === 'none' ? [] : (['AUTHENTICATION_FAILED'] as const)),
    ...(route.auth === 'root' ? (['ROOT_REQUIRED'] as const) : []),
    ...(isKeyed || route.addressLimiter !== 'none' ? (['RATE_LIMITED'] as const) : []),
    ...(hasBody ? BODY_ERRORS : []),
    ...(route.kind === 'read' ? READ_ERRORS : []),
    ...(route.kind === 'write' ? WRITE_ERRORS : []),
  ]
  const byStatus = new Map<number, Set<ErrorCode>>()
  for (const code of codes) {
    const { status } = ERRORS[code]
    byStatus.set(status, (byStatus.get(status) ?? new Set()).add(code))
  }
  return byStatus
}

function errorSchema(): JsonObject {
  return {
    type: 'object',
    required: ['error_type', 'message', 'hint', 'request_id'],
    properties: {
      error_type: { type: 'string', enum: Object.keys(ERRORS) },
      message: TEXT,
      hint: TEXT,
      request_id: TEXT,
    },
  }
}
