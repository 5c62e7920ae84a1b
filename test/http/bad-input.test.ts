// Every route of the table times every kind of bad input: a documented 4xx with code, message and hint, and a server that goes
// on answering. What to send follows from the table, so a route added later is covered without a change here.
import { ERRORS } from '../../src/contract/errors.ts'
import type { ErrorEntry } from '../../src/contract/errors.ts'
import { routeBodyBytesMax } from '../../src/contract/body-limit.ts'
import { KEY_BYTES_MAX, TTL_MS_MAX, VALUE_BYTES_MAX_DEFAULT } from '../../src/contract/limits.ts'
import type { Field, FieldType, Method, Route } from '../../src/contract/route.ts'
import { topologyHash } from '../../src/contract/topology.ts'
import { ROUTES } from '../../src/contract/routes.ts'
import { HttpNode, ROOT_KEY } from '../support/http-node.ts'
import type { Answer, CallOptions } from '../support/http-node.ts'

let node: HttpNode
let tenantKey: string
beforeAll(async () => {
  node = await HttpNode.start()
  tenantKey = await node.createKey()
})
afterAll(() => node.stop())
afterEach(async () => {
  // The server still answers, and what it holds is unharmed.
  const ping = await node.call('public', '/db/api/v1/ping', { token: tenantKey })
  expect(ping.status).toBe(200)
})

const send = (route: Route, options: CallOptions & { readonly query?: string } = {}): Promise<Answer> =>
  node.call(route.listener, `${route.path}${options.query ?? ''}`, {
    ...(route.auth === 'none' ? {} : { token: route.auth === 'root' ? ROOT_KEY : tenantKey }),
    ...options,
  })

/** The answer is one of `codes` with the status, hint and headers that the catalogue and the reference promise. */
function expectRefusal(answer: Answer, ...codes: (keyof typeof ERRORS)[]): void {
  const body = answer.json() as Readonly<Record<string, string>>
  expect(codes).toContain(body['error_type'])
  const entry: ErrorEntry = ERRORS[body['error_type'] as keyof typeof ERRORS]
  expect(answer.status).toBe(entry.status)
  expect(entry.status).toBeGreaterThanOrEqual(400)
  expect(entry.status).toBeLessThan(500)
  expect(body['message']).toEqual(expect.stringMatching(/\w/))
  expect(body['hint']).toBe(entry.hint)
  expect(body['request_id']).toBe(answer.headers['x-request-id'])
  expect(Object.keys(body)).toEqual(['error_type', 'message', 'hint', 'request_id'])
  expect(answer.headers['content-type']).toBe('application/json')
  expect(answer.headers['x-content-type-options']).toBe('nosniff')
  if (entry.status !== 404) expect(body['message']).not.toContain('404')
}

const TOPOLOGY =
  'nodes: { node0: { publicBinding: 127.0.0.1:1, privateBinding: 127.0.0.1:2, raftBinding: 127.0.0.1:3 } }'

const GOOD: Readonly<Record<FieldType, unknown>> = {
  key: 'a-key',
  prefix: 'a',
  value: 'a value',
  increment: '1',
  floor: 0,
  offset: 0,
  count: 10,
  name: 'a name',
  token: 'insi_ASIiIiIiIkIigiIiIiIiIiIBWHQIO4ZzNGDx7KPtylTXUQ',
  topic: 'a topic',
  member: 'node9',
  address: '127.0.0.1:1',
  duration: 1,
  level: 'info',
  limits: { subscribers: 1 },
  json: null,
  ttl: 1000,
  expiry: null,
  flag: false,
  revision: 1,
  operations: [],
  comparisons: [],
  hash: topologyHash(TOPOLOGY),
  file: TOPOLOGY,
}
const WRONG_LISTS: readonly unknown[] = [
  1,
  'x',
  true,
  {},
  null,
  [1],
  ['x'],
  [null],
  [[]],
  [{}],
  [{ key: 'a' }],
  [{ op: 'set' }],
  [{ op: 'none', key: 'a' }],
  [{ op: 1, key: 'a' }],
  [{ op: 'value', key: 'a', value: 1 }],
  [{ op: 'exists', key: 1 }],
  [{ op: 'exists', key: 'a', space: 'x' }],
  Array.from({ length: 1025 }, () => ({ op: 'exists', key: 'a' })),
]
const WRONG_TYPES: Readonly<Record<FieldType, readonly unknown[]>> = {
  key: [1, true, {}, ['a'], null],
  prefix: [1, true, {}, ['a']],
  value: [1, true, {}, ['a'], null],
  increment: [1, true, {}, null],
  floor: [1.5, 'x', true, {}, 2 ** 60],
  offset: ['1', 1.5, true, {}, 2 ** 60],
  count: ['1', 1.5, true, {}, 2 ** 60],
  name: [1, true, {}, null],
  token: [1, true, {}, null],
  topic: [1, true, {}],
  member: [1, true, {}, null],
  address: [1, true, {}, null, 'no-port'],
  duration: ['1', 1.5, true, {}, -1],
  level: [1, true, {}, ['info'], null, 'INFO', 'trace'],
  limits: [1, 'x', [], null, { subscribers: 'x' }, { subscribers: 0.5 }],
  json: [],
  ttl: ['1', 0, -1, 1.5, true, {}, TTL_MS_MAX + 1],
  expiry: ['1', 0, -1, 1.5, true, {}, TTL_MS_MAX + 1],
  flag: ['1', 1, 'true', {}, null],
  revision: ['1', -1, 1.5, true, {}, 2 ** 60],
  operations: WRONG_LISTS,
  comparisons: WRONG_LISTS,
  hash: [1, true, {}, null, 'abc', 'F'.repeat(64)],
  file: [1, true, {}, null, 'nodes: {}', 'nodes: ['],
}
const LONE_SURROGATE_JSON = String.raw`"a\ud800b"`
const goodBody = (route: Route): Record<string, unknown> =>
  Object.fromEntries(route.fields.map((field) => [field.name, GOOD[field.type]]))
const bodyWith = (route: Route, field: Field, json: string): string =>
  `{${route.fields.map((one) => `${JSON.stringify(one.name)}:${one === field ? json : JSON.stringify(GOOD[one.type])}`).join(',')}}`

const KEYED = ROUTES.filter((route) => route.auth !== 'none')
/** Streams take their fields in the query; their tests are in files of their own. */
const PLAIN = ROUTES.filter((route) => route.stream !== true)
const WITH_BODY = PLAIN.filter((route) => route.fields.length > 0)
const READS = PLAIN.filter((route) => route.kind === 'read')
const fieldsOf = (routes: readonly Route[], ...types: FieldType[]): [string, Route, Field][] =>
  routes.flatMap((route) =>
    route.fields
      .filter((field) => types.includes(field.type))
      .map((field): [string, Route, Field] => [`${route.name} ${field.name}`, route, field]),
  )
const named = (routes: readonly Route[]): [string, Route][] => routes.map((route) => [route.name, route])

describe.each(named(KEYED))('%s', (_name, route) => {
  const [method = 'GET'] = route.methods

  test('without a token is refused', async () => {
    const answer = await node.call(route.listener, route.path, { method })
    expectRefusal(answer, 'AUTHENTICATION_FAILED')
    expect(answer.headers['www-authenticate']).toBe('Bearer')
  })

  test.each([
    '',
    ' ',
    'garbage',
    'insi_',
    'insi_AAAA',
    `insi_${'A'.repeat(46)}`,
    'x'.repeat(100_000),
    ROOT_KEY.slice(1),
  ])('with a token that is none is refused', async (token) => {
    expectRefusal(await node.call(route.listener, route.path, { method, token }), 'AUTHENTICATION_FAILED')
  })

  if (route.auth === 'root') {
    test('with the key of a tenant is refused', async () => {
      expectRefusal(await node.call(route.listener, route.path, { method, token: tenantKey }), 'ROOT_REQUIRED')
    })
  }
})

describe.each(named(ROUTES))('%s', (_name, route) => {
  test('by another method is refused with the methods that it has', async () => {
    const here = ROUTES.filter(({ listener, path }) => listener === route.listener && path === route.path)
    const methods: readonly string[] = here.flatMap((one) => one.methods)
    const known = [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])]
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].filter((one) => !known.includes(one))) {
      const answer = await send(route, { method })
      expectRefusal(answer, 'METHOD_NOT_ALLOWED')
      expect(answer.headers.allow?.split(', ').toSorted()).toEqual(known.toSorted())
    }
  })

  test('under a path that is almost its own is not found', async () => {
    const near = [`${route.path}/`, `${route.path}x`, route.path.toUpperCase(), `/${route.path}`]
    for (const path of near.filter((one) => one !== route.path)) {
      expectRefusal(await node.call(route.listener, path, { token: ROOT_KEY }), 'ROUTE_NOT_FOUND')
    }
  })
})

describe.each(named(WITH_BODY))('%s', (_name, route) => {
  const post = (body: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> =>
    send(route, { method: 'POST', body, headers })

  test.each(['multipart/form-data; boundary=x', 'image/png', 'application/xml', 'text/html', ';', 'json'])(
    'with the content type %j is refused',
    async (type) => {
      expectRefusal(await post(JSON.stringify(goodBody(route)), { 'Content-Type': type }), 'UNSUPPORTED_MEDIA_TYPE')
    },
  )

  test('with JSON that is cut off is refused at every length', async () => {
    const whole = JSON.stringify(goodBody(route))
    for (let length = 1; length < whole.length; length += 1)
      expectRefusal(await post(whole.slice(0, length)), 'INVALID_JSON')
  })

  test.each([
    '[]',
    'null',
    '1',
    '"text"',
    'true',
    '{}{}',
    '{} x',
    '{"a":1,}',
    '\u0000',
    '<a/>',
    'a=b',
    '['.repeat(100_000),
  ])('with the body %j, which is not one JSON object, is refused', async (body) => {
    expectRefusal(await post(body), 'INVALID_JSON')
  })

  test('with bytes that are not UTF-8 is refused', async () => {
    expectRefusal(await post(Buffer.from('{"key":"\xff","value":"x"}', 'latin1')), 'INVALID_JSON')
  })

  test('with a body over its limit is refused', async () => {
    const tooLong = ' '.repeat(routeBodyBytesMax(route, VALUE_BYTES_MAX_DEFAULT) + 1)
    expectRefusal(await post(tooLong), 'BODY_TOO_LARGE')
  })
})

describe.each(
  PLAIN.flatMap((route) =>
    route.fields.map((field): [string, Route, Field] => [`${route.name} ${field.name}`, route, field]),
  ),
)('%s', (_name, route, field) => {
  test('of a wrong type is refused', async () => {
    for (const wrong of WRONG_TYPES[field.type]) {
      const answer = await send(route, { method: 'POST', body: { ...goodBody(route), [field.name]: wrong } })
      expectRefusal(answer, 'INVALID_FIELD', 'INVALID_LIMITS', 'MISSING_FIELD', 'TOPOLOGY_INVALID')
    }
  })

  if (field.required) {
    test('that is missing is refused', async () => {
      const { [field.name]: _, ...rest } = goodBody(route)
      expectRefusal(await send(route, { method: 'POST', body: rest }), 'MISSING_FIELD')
      if (route.kind === 'read') expectRefusal(await send(route, { method: 'GET' }), 'MISSING_FIELD')
    })
  }
})

describe.each(fieldsOf(PLAIN, 'key', 'prefix', 'topic'))('%s', (_name, route, field) => {
  const withText = (json: string): Promise<Answer> =>
    send(route, { method: 'POST', body: bodyWith(route, field, json) })

  test('with NUL, lone surrogates or more than its maximum is refused', async () => {
    const isTopic = field.type === 'topic'
    const [malformed, tooLarge] = isTopic
      ? (['INVALID_TOPIC', 'INVALID_TOPIC'] as const)
      : (['INVALID_KEY', 'KEY_TOO_LARGE'] as const)
    expectRefusal(await withText(String.raw`"a\u0000b"`), malformed)
    expectRefusal(await withText(LONE_SURROGATE_JSON), malformed)
    expectRefusal(await withText(JSON.stringify('x'.repeat(KEY_BYTES_MAX + 1))), tooLarge)
    expectRefusal(await withText(JSON.stringify('€'.repeat(KEY_BYTES_MAX / 2))), tooLarge)
    if (field.required) expectRefusal(await withText('""'), 'MISSING_FIELD')
  })

  if (route.kind === 'read') {
    test('in a query is held to the same', async () => {
      const get = (value: string): Promise<Answer> => send(route, { method: 'GET', query: `?${field.name}=${value}` })
      expectRefusal(await get('a%00b'), 'INVALID_KEY')
      expectRefusal(await get('%ED%A0%80'), 'INVALID_PARAMETER')
      expectRefusal(await get('%ff'), 'INVALID_PARAMETER')
      expectRefusal(await get('%'), 'INVALID_PARAMETER')
      expectRefusal(await get('x'.repeat(KEY_BYTES_MAX + 1)), 'KEY_TOO_LARGE')
      if (field.required) expectRefusal(await get(''), 'MISSING_FIELD')
    })
  }
})

describe.each(fieldsOf(PLAIN, 'value'))('%s', (_name, route, field) => {
  test('with lone surrogates or more than its maximum is refused', async () => {
    expectRefusal(
      await send(route, { method: 'POST', body: bodyWith(route, field, LONE_SURROGATE_JSON) }),
      'INVALID_VALUE',
    )
    const long = JSON.stringify('x'.repeat(VALUE_BYTES_MAX_DEFAULT + 1))
    expectRefusal(await send(route, { method: 'POST', body: bodyWith(route, field, long) }), 'VALUE_TOO_LARGE')
  })
})

describe.each(fieldsOf(PLAIN, 'name'))('%s', (_name, route, field) => {
  test.each(['""', '"  "', JSON.stringify('x'.repeat(129)), String.raw`"a\u0000b"`, LONE_SURROGATE_JSON])(
    'of %s is refused',
    async (json) => {
      expectRefusal(await send(route, { method: 'POST', body: bodyWith(route, field, json) }), 'INVALID_NAME')
    },
  )
})

describe.each(fieldsOf(PLAIN, 'token'))('%s', (_name, route, field) => {
  test.each(['""', '"garbage"', '"insi_"', JSON.stringify(`insi_${'A'.repeat(46)}`), '"\\u0000"', LONE_SURROGATE_JSON])(
    'of %s is refused',
    async (json) => {
      const answer = await send(route, { method: 'POST', body: bodyWith(route, field, json) })
      expectRefusal(answer, 'MISSING_FIELD', 'INVALID_TARGET_KEY', 'API_KEY_NOT_FOUND', 'ALIAS_NOT_FOUND')
    },
  )
})

describe.each(fieldsOf(READS, 'offset', 'count'))('%s', (_name, route, field) => {
  const others = route.fields.filter((one) => one !== field && one.required)
  const query = (value: string): string =>
    `?${[...others.map((one) => `${one.name}=${String(GOOD[one.type])}`), `${field.name}=${value}`].join('&')}`

  test.each(['-1', 'x', '1.5', '1e3', '0x10', '99999999999999999999', '%00', 'null', '1;2'])(
    'of %j in a query is refused',
    async (value) => {
      const answer = await send(route, { method: 'GET', query: query(value) })
      expectRefusal(answer, 'INVALID_PARAMETER')
      expect(answer.text).toContain(`Invalid ${field.name} parameter`)
    },
  )

  test('that is negative in a body is refused', async () => {
    const answer = await send(route, { method: 'POST', body: { ...goodBody(route), [field.name]: -1 } })
    expectRefusal(answer, 'INVALID_FIELD')
  })
})

describe.each(named(READS))('%s', (_name, route) => {
  const goodQuery = route.fields
    .map((field) => `${field.name}=${encodeURIComponent(String(GOOD[field.type]))}`)
    .join('&')

  test.each(['strong', 'LOCAL', '%', 'local,linearizable', '%00'])('with consistency=%s is refused', async (mode) => {
    for (const method of route.methods) {
      const body = method === 'POST' && route.fields.length > 0 ? { body: goodBody(route) } : {}
      const query = `?${method === 'GET' ? `${goodQuery}&` : ''}consistency=${mode}`
      expectRefusal(await send(route, { method, query, ...body }), 'INVALID_PARAMETER')
    }
  })
})

test('every kind of field has a good value and wrong ones, so that no route is covered by name only', () => {
  for (const route of ROUTES) for (const field of route.fields) expect(Object.keys(GOOD)).toContain(field.type)
  const methods: readonly Method[] = ROUTES.flatMap((route) => route.methods)
  expect(new Set(methods).size).toBeGreaterThan(1)
})
