// Every command: what it sends, what it prints for people and for programs, and how it ends.
import { OBSERVING_COMMANDS } from '../../../src/cli/table/observing.ts'
import { COMMANDS } from '../../../src/cli/commands.ts'
import { nameOf } from '../../../src/cli/command.ts'
import { ScriptedServer, apiError, empty, json } from '../client/scripted-server.ts'
import type { ScriptedAnswer } from '../client/scripted-server.ts'
import { TIME, run } from './run.ts'

const TENANT = 'insi_tenant-key-0123456789'
const SECRET = 'please_change_this'
const ROOT_KEY = 'NTFhZTEyOThmNTkwMTAwYzg5MmI3OWJhMTgwNWRjMTZlOTBkZjQxZDYyY2FmNzIxOGE3NzJkZjRiZGRkOTZjZA=='

const LIMITS = {
  usage: { bytes_on_disk: 1, bytes_in_memory: 2, events_emitted: 3, subscribers: 4 },
  max_limits: {
    bytes_on_disk: 10,
    bytes_in_memory: 20,
    events_emitted: 30,
    subscribers: 40,
    rate_per_second_data_limit: 50,
    rate_per_second_event_limit: 60,
  },
}
const ENTITY = {
  root_api_key: TENANT,
  aliases: ['insi_alias1', 'insi_alias2'],
  data_scope_uuid: 'scope-uuid',
  key_uuid: 'key-uuid',
  usage: LIMITS,
}
const PING = { entity: 'app', leader: '127.0.0.1:7000', 'node-badge-id': 'badge', status: 'ok', uptime: '39s' }
const PING_TEXT =
  'Ping Response:\n  entity: app\n  leader: 127.0.0.1:7000\n  node-badge-id: badge\n  status: ok\n  uptime: 39s\n'
const ENTITY_TEXT = [
  'Entity Details:',
  `  Root API Key:    ${TENANT}`,
  '  Key UUID:        key-uuid',
  '  Data Scope UUID: scope-uuid',
  '  Aliases:',
  '    - insi_alias1',
  '    - insi_alias2',
  '',
  '  Maximum Limits:',
  '    Bytes on Disk:     10',
  '    Bytes in Memory:   20',
  '    Events Emitted:    30',
  '    Subscribers:       40',
  '',
  '  Current Usage:',
  '    Bytes on Disk:     1',
  '    Bytes in Memory:   2',
  '    Events Emitted:    3',
  '    Subscribers:       4',
  '',
  '',
].join('\n')
const LIMITS_TEXT = (suffix: string): string =>
  [
    `Maximum Limits${suffix}`,
    '  Bytes on Disk:     10',
    '  Bytes in Memory:   20',
    '  Events per Second: 30',
    '  Subscribers:       40',
    '  RPS Data Limit:    50',
    '  RPS Event Limit:   60',
    '',
    `Current Usage${suffix}`,
    '  Bytes on Disk:     1',
    '  Bytes in Memory:   2',
    '  Events per Second: 3',
    '  Subscribers:       4',
    '',
  ].join('\n')

let server: ScriptedServer

beforeAll(async () => {
  server = await ScriptedServer.start()
})
afterAll(async () => server.stop())

function environment(): Record<string, string> {
  return { INSI_PUBLIC_ADDRESS: server.address, INSI_API_KEY: TENANT, INSI_INSTANCE_SECRET: SECRET }
}

interface Success {
  readonly words: readonly string[]
  readonly answer?: ScriptedAnswer
  /** Route and fields of the request; absent: none is sent. */
  readonly sent?: readonly [route: string, fields: Record<string, unknown>]
  readonly stdout: string
  readonly stderr?: string
  readonly json: unknown
}

const OK = { stdout: 'OK\n', json: { ok: true } }

const SUCCESSES: readonly Success[] = [
  {
    words: ['get', 'k'],
    answer: json({ data: 'two\nlines' }),
    sent: ['get', { key: 'k' }],
    stdout: 'two\nlines\n',
    json: { key: 'k', value: 'two\nlines' },
  },
  { words: ['set', 'k', 'v'], sent: ['set', { key: 'k', value: 'v' }], ...OK },
  { words: ['set', 'k', '--help'], sent: ['set', { key: 'k', value: '--help' }], ...OK },
  { words: ['set', '--', '-o', 'json'], sent: ['set', { key: '-o', value: 'json' }], ...OK },
  { words: ['setnx', 'k', ''], sent: ['setnx', { key: 'k', value: '' }], ...OK },
  { words: ['cas', 'k', 'a', 'b'], sent: ['cas', { key: 'k', old_value: 'a', new_value: 'b' }], ...OK },
  {
    words: ['bump', 'k', '-10'],
    answer: json({ data: '7' }),
    sent: ['bump', { key: 'k', value: '-10' }],
    stdout: 'OK\n',
    json: { key: 'k', value: '7' },
  },
  { words: ['delete', 'k'], sent: ['delete', { key: 'k' }], ...OK },
  {
    words: ['iterate', 'prefix', 'u:'],
    answer: json({ data: ['u:1', 'u:2'] }),
    sent: ['iterate/prefix', { prefix: 'u:' }],
    stdout: 'u:1\nu:2\n',
    json: { keys: ['u:1', 'u:2'] },
  },
  {
    words: ['iterate', 'prefix', 'u:', '5', '-2'],
    answer: json({ data: null }),
    sent: ['iterate/prefix', { prefix: 'u:', offset: '5', limit: '-2' }],
    stdout: '',
    json: { keys: [] },
  },
  {
    words: ['cache', 'get', 'k'],
    answer: json({ data: '' }),
    sent: ['cache/get', { key: 'k' }],
    stdout: '\n',
    json: { key: 'k', value: '' },
  },
  { words: ['cache', 'set', 'k', 'v'], sent: ['cache/set', { key: 'k', value: 'v' }], ...OK },
  { words: ['cache', 'delete', 'k'], sent: ['cache/delete', { key: 'k' }], ...OK },
  { words: ['cache', 'setnx', 'k', 'v'], sent: ['cache/setnx', { key: 'k', value: 'v' }], ...OK },
  { words: ['cache', 'cas', 'k', 'a', 'b'], sent: ['cache/cas', { key: 'k', old_value: 'a', new_value: 'b' }], ...OK },
  {
    words: ['cache', 'iterate', 'prefix', 's:', '1'],
    answer: json(['s:2']),
    sent: ['cache/iterate/prefix', { prefix: 's:', offset: '1' }],
    stdout: 's:2\n',
    json: { keys: ['s:2'] },
  },
  { words: ['ping'], answer: json(PING), sent: ['ping', {}], stdout: PING_TEXT, json: PING },
  { words: ['publish', 't', '{"a":[1]}'], sent: ['events', { topic: 't', data: { a: [1] } }], ...OK },
  { words: ['publish', 't', 'hello there'], sent: ['events', { topic: 't', data: 'hello there' }], ...OK },
  {
    words: ['purge'],
    answer: json({ success: true, disconnected_sessions: 2 }),
    sent: ['events/purge', {}],
    stdout: 'Successfully purged 2 event subscription(s).\n',
    json: { disconnected_sessions: 2 },
  },
  {
    words: ['purge'],
    answer: json({ success: true, disconnected_sessions: 0 }),
    sent: ['events/purge', {}],
    stdout: 'No active event subscriptions found to purge.\n',
    json: { disconnected_sessions: 0 },
  },
  {
    words: ['shake'],
    answer: json({ success: true, disconnected_sessions: 1 }),
    sent: ['events/shake', {}],
    stdout: 'Successfully shook 1 event subscription(s) and reset counters.\n',
    json: { disconnected_sessions: 1 },
  },
  {
    words: ['shake'],
    answer: json({ success: true, disconnected_sessions: 0 }),
    sent: ['events/shake', {}],
    stdout: 'No active event subscriptions found to shake.\n',
    json: { disconnected_sessions: 0 },
  },
  {
    words: ['--root', 'api', 'add', 'My App'],
    answer: json({ key_name: 'My App', key: TENANT }),
    sent: ['admin/api/create', { key_name: 'My App' }],
    stdout: `API Key Name: My App\nAPI Key:      ${TENANT}\nOK\n`,
    stderr: `${TIME} level=INFO msg="API key created successfully" name="My App" key=insi_ten...6789\n`,
    json: { name: 'My App', key: TENANT },
  },
  {
    words: ['admin', 'create-key', 'myapp'],
    answer: json({ key_name: 'myapp', key: TENANT }),
    sent: ['admin/api/create', { key_name: 'myapp' }],
    stdout: `API Key Name: myapp\nAPI Key:      ${TENANT}\nOK\n`,
    stderr: `${TIME} level=INFO msg="API key created successfully" name=myapp key=insi_ten...6789\n`,
    json: { name: 'myapp', key: TENANT },
  },
  {
    words: ['--root', 'api', 'delete', TENANT],
    answer: json({ success: 'true' }),
    sent: ['admin/api/delete', { key: TENANT }],
    stderr: `${TIME} level=INFO msg="API key deleted successfully" key=insi_ten...6789\n`,
    ...OK,
  },
  {
    words: ['api', 'verify', 'insi_other'],
    answer: json(PING),
    sent: ['ping', {}],
    stdout: `API Key Verified Successfully!\n${PING_TEXT}`,
    stderr: `${TIME} level=INFO msg="Verifying API key" key=insi_other\n${TIME} level=INFO msg="API key verified" entity=app\n`,
    json: { valid: true, ping: PING },
  },
  {
    words: ['api', 'limits'],
    answer: json(LIMITS),
    sent: ['limits', {}],
    stdout: LIMITS_TEXT(' (for current key):'),
    json: LIMITS,
  },
  {
    words: ['--root', 'api', 'limits', TENANT],
    answer: json(LIMITS),
    sent: ['admin/limits/get', { api_key: TENANT }],
    stdout: `Limits for key insi_ten...6789\n${LIMITS_TEXT(':')}`,
    json: LIMITS,
  },
  {
    words: ['--root', 'api', 'set-limits', TENANT, '--disk', '5', '-mem=-7', '--rps-data', '0', '--subs', '-1'],
    answer: json({ status: 'ok' }),
    sent: [
      'admin/limits/set',
      { api_key: TENANT, limits: { bytes_on_disk: 5, bytes_in_memory: -7, rate_per_second_data_limit: 0 } },
    ],
    ...OK,
  },
  {
    words: ['alias', 'add'],
    answer: json({ alias: 'insi_alias' }),
    sent: ['alias/set', {}],
    stdout: 'Alias Key: insi_alias\nOK\n',
    json: { alias: 'insi_alias' },
  },
  {
    words: ['alias', 'delete', 'insi_alias'],
    answer: json({ status: 'ok' }),
    sent: ['alias/delete', { alias: 'insi_alias' }],
    ...OK,
  },
  {
    words: ['alias', 'list'],
    answer: json({ aliases: ['insi_a', 'insi_b'] }),
    sent: ['alias/list', {}],
    stdout: 'Aliases:\n  - insi_a\n  - insi_b\n',
    json: { aliases: ['insi_a', 'insi_b'] },
  },
  {
    words: ['alias', 'list'],
    answer: json({ aliases: null }),
    sent: ['alias/list', {}],
    stdout: 'No aliases found for the current key.\n',
    json: { aliases: [] },
  },
  {
    words: ['--root', 'admin', 'ops'],
    answer: json({ op_vs: 16.957, op_cache: 4.99, op_events: 0, op_subscribers: 0, op_blobs: 0, op_system: 1 }),
    sent: ['admin/metrics/ops', {}],
    stdout:
      'Operations Per Second:\n  System:       1.00\n  Value Store:  16.96\n  Cache:        4.99\n  Events:       0.00\n  Subscribers:  0.00\n  Blobs:        0.00\n',
    json: { values: 16.957, cache: 4.99, events: 0, subscribers: 0, blobs: 0, system: 1 },
  },
  {
    words: ['--root', 'admin', 'insight', 'entity', TENANT],
    answer: json({ entity: ENTITY }),
    sent: ['admin/insight/entity', { root_api_key: TENANT }],
    stdout: ENTITY_TEXT,
    json: { entity: ENTITY },
  },
  {
    words: ['--root', 'admin', 'insight', 'entities'],
    answer: json({ entities: [ENTITY, { ...ENTITY, aliases: [] }] }),
    sent: ['admin/insight/entities', { offset: 0, limit: 10 }],
    stdout: `${ENTITY_TEXT}--------------------\n${ENTITY_TEXT.replace(/ {2}Aliases:\n.*\n.*\n/, '  Aliases:         None\n')}`,
    json: { entities: [ENTITY, { ...ENTITY, aliases: [] }] },
  },
  {
    words: ['--root', 'admin', 'insight', 'entities', '3', '7'],
    answer: json({ entities: null }),
    sent: ['admin/insight/entities', { offset: 3, limit: 7 }],
    stdout: 'No entities found.\n',
    json: { entities: [] },
  },
  {
    words: ['--root', 'admin', 'insight', 'entity-by-alias', 'insi_alias1'],
    answer: json({ entity: ENTITY }),
    sent: ['admin/insight/entity_by_alias', { alias: 'insi_alias1' }],
    stdout: ENTITY_TEXT,
    json: { entity: ENTITY },
  },
  { words: ['root-key'], stdout: `${ROOT_KEY}\n`, json: { root_key: ROOT_KEY } },
]

describe.each(SUCCESSES.map((success) => [success.words.join(' '), success] as const))('insic %s', (_name, success) => {
  const { words, answer = empty(), sent, stdout, stderr = '' } = success

  test('succeeds, and sends and prints exactly this', async () => {
    server.requests.length = 0
    server.script = () => answer
    expect(await run(words, environment())).toEqual({ code: 0, stdout, stderr })
    const requests = server.requests.map(({ path, query, body }) => [
      path.replace('/db/api/v1/', ''),
      { ...query, ...(body as object | undefined) },
    ])
    expect(requests).toEqual(sent === undefined ? [] : [sent])
  })

  test('prints one line of JSON and nothing else with -o json', async () => {
    server.script = () => answer
    const ran = await run(['-o', 'json', ...words], environment())
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' })
    expect(ran.stdout).toMatch(/^.*\n$/)
    expect(JSON.parse(ran.stdout)).toEqual(success.json)
  })
})

test('every command that needs a client has an example here', () => {
  const tried = SUCCESSES.map(({ words }) => words.filter((word) => word !== '--root').join(' '))
  const manyKeys = ['ttl', 'expire', 'persist', 'iterate entries', 'count', 'delete-range', 'watch']
  // Against a node: test/http/cli-many-keys.test.ts.
  const ofNode = [...manyKeys, ...manyKeys.map((name) => `cache ${name}`), 'batch', 'txn']
  const elsewhere = [
    'subscribe',
    'join',
    ...ofNode,
    ...OBSERVING_COMMANDS.map(nameOf),
    ...COMMANDS.map(nameOf).filter((name) => name.startsWith('cluster ')),
  ]
  const missing = COMMANDS.filter((command) => command.access !== 'nothing')
    .map(nameOf)
    .filter((name) => !elsewhere.includes(name) && !tried.some((words) => words.startsWith(name)))
  expect(missing).toEqual([])
})

test.each([
  ['after the arguments', ['get', 'k', '-o', 'json']],
  ['after the name', ['get', '-o', 'json', 'k']],
  ['with an equals sign', ['get', 'k', '-o=json']],
  ['among flags of the command', ['--root', 'api', 'set-limits', TENANT, '-o', 'json', '--disk', '5']],
])('-o json is welcome %s', async (_name, words) => {
  server.script = () => json({ data: 'v' })
  const ran = await run(words, environment())
  expect(JSON.parse(ran.stdout)).toBeTruthy()
})

test('the root key is sent with --root, the own key without', async () => {
  server.requests.length = 0
  server.script = () => json(PING)
  await run(['ping'], environment())
  await run(['--root', 'ping'], environment())
  await run(['admin', 'create-key', 'a'], environment())
  await run(['api', 'verify', 'insi_other'], { INSI_PUBLIC_ADDRESS: server.address })
  expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([
    TENANT,
    ROOT_KEY,
    ROOT_KEY,
    'insi_other',
  ])
})

test('--consistency goes with every read', async () => {
  server.requests.length = 0
  server.script = () => json({ data: 'v' })
  await run(['--consistency', 'local', 'get', 'k'], environment())
  await run(['--consistency=linearizable', 'cache', 'get', 'k'], environment())
  expect(server.requests.map(({ query }) => query.consistency)).toEqual(['local', 'linearizable'])
})

test('colours are for terminals: results green, errors red', async () => {
  server.script = () => empty()
  expect((await run(['set', 'k', 'v'], environment(), { isColoured: true })).stdout).toBe('\u001B[92mOK\u001B[0m\n')
  server.script = () => apiError('KEY_NOT_FOUND')
  const missing = await run(['get', 'k'], environment(), { isColoured: true })
  expect(missing.stderr).toBe("\u001B[31mError: Key 'k' not found.\u001B[0m\n")
})
