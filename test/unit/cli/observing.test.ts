// The commands that look at running nodes: what they send and print.
import { ScriptedServer, apiError, json } from '../client/scripted-server.ts'
import { TIME, run } from './run.ts'
import type { Ran } from './run.ts'

let server: ScriptedServer
beforeAll(async () => {
  server = await ScriptedServer.start()
})
afterAll(() => server.stop())

async function insic(line: string): Promise<Ran> {
  server.requests.length = 0
  return run(line.split(' '), { INSI_PUBLIC_ADDRESS: server.address, INSI_INSTANCE_SECRET: 'please_change_this' })
}

test('log level shows the level of the node that answers, and changes it', async () => {
  server.script = () => json({ node_id: 'node1', level: 'info' })
  expect(await insic('--root log level')).toEqual({ code: 0, stdout: 'node1: info\n', stderr: '' })
  expect(server.requests[0]?.path).toBe('/db/api/v1/admin/log/get')
  expect((await insic('--root -o json log level debug')).stdout).toBe('{"node_id":"node1","level":"info"}\n')
  expect([server.requests[0]?.path, server.requests[0]?.body]).toEqual(['/db/api/v1/admin/log/set', { level: 'debug' }])
})

test('log level says which levels there are, and needs --root', async () => {
  server.script = () => apiError('INVALID_FIELD', { message: 'level must be one of debug, info, warn, error' })
  const ran = await insic('--root log level loud')
  expect([ran.code, ran.stderr.includes('must be one of debug, info, warn, error')]).toEqual([1, true])
  expect(
    (await run(['log', 'level'], { INSI_PUBLIC_ADDRESS: server.address, INSI_API_KEY: 'insi_a' })).stderr,
  ).toContain('requires --root flag')
})

const MEMBER = {
  member_id: 'node0/id-0',
  node_id: 'node0',
  incarnation: 'id-0',
  role: 'voter',
  demoted: false,
  raft_address: '127.0.0.1:7000',
  leader: true,
  lag_entries: 0,
  active: true,
}
const TENANT = {
  key_uuid: '22222222-2222-4222-8222-222222222222',
  name: 'orders',
  bytes_on_disk: 1_572_864,
  bytes_in_memory: 12,
  events: 7,
  subscribers: 1,
  quota_usage: { disk: 0.5, memory: null, events: 0.95, subscribers: 0 },
}
const OVERVIEW = {
  node_id: 'node0',
  version: '1.2.3',
  cluster: {
    state: 'degraded',
    cluster_id: 'c-1',
    leader: 'node0',
    term: 4,
    commit_index: 77,
    membership_index: 5,
    settled: true,
    quorum: { voters: 3, size: 2, active: 2, margin: 0 },
    members: [MEMBER, { ...MEMBER, node_id: 'node1', leader: false, active: false, lag_entries: 1_234_567 }],
  },
  operations: { op_vs: 12_000.4, op_cache: 3, op_events: 2, op_subscribers: 0, op_blobs: 0, op_system: 1 },
  entities: {
    active: 12,
    deleting: 0,
    bytes_on_disk: 3_145_728,
    bytes_in_memory: 12,
    events: 7,
    subscribers: 1,
    top: [TENANT, { ...TENANT, name: `a name\u001B[2J that is longer than its column`, quota_usage: {} }],
  },
  history: [],
}

test('top shows nodes, load and tenants in 80 columns', async () => {
  server.script = () => json(OVERVIEW)
  const { code, stdout } = await insic('--root top --once')
  expect(code).toBe(0)
  expect(stdout.split('\n')).toEqual([
    'degraded  leader node0  term 4  voters 3, 0 may be lost',
    'values 12000/s  cache 3/s  events 2/s  system 1/s',
    'tenants 12  disk 3.0 MiB  memory 12 B',
    '',
    'NODE                  ROLE      STATE          LAG',
    'node0                 leader    up               0',
    'node1                 voter     away       1234567',
    '',
    'TENANT                           DISK     MEMORY     EVENTS  FULLEST LIMIT',
    'orders                        1.5 MiB       12 B          7  95% events',
    'a name\uFFFD[2J that is longer…    1.5 MiB       12 B          7  -',
    'and 10 more',
    '',
  ])
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThan(80)
})

test('top as JSON is one answer, and tenants can be left out', async () => {
  server.script = () => json(OVERVIEW)
  const ran = await insic('--root -o json top')
  expect([JSON.parse(ran.stdout), server.requests.length]).toEqual([OVERVIEW, 1])
  expect((await insic('--root top --once --rows 0')).stdout).not.toContain('orders')
})

test('top says that there is no leader', async () => {
  server.script = () => json({ ...OVERVIEW, cluster: null })
  expect((await insic('--root top --once')).stdout).toContain('No leader, asked node0\n')
})

test('top draws in place on a terminal and ends without a complaint when it is interrupted', async () => {
  const interruption = new AbortController()
  server.script = () => {
    setImmediate(() => interruption.abort())
    return json(OVERVIEW)
  }
  const environment = { INSI_PUBLIC_ADDRESS: server.address, INSI_INSTANCE_SECRET: 'please_change_this' }
  const ran = await run(['--root', 'top'], environment, { isColoured: true, interruption: interruption.signal })
  expect([ran.code, ran.stderr]).toEqual([0, ''])
  expect(ran.stdout.startsWith('\u001B[H\u001B[2J')).toBe(true)
})

test('--explain tells where the time of a request went, on stderr, and asks for it only then', async () => {
  const headers = { 'server-timing': 'auth;dur=0.071, write;dur=17.1, total;dur=19' }
  server.script = () => ({ ...json({ data: '1' }), headers: { 'content-type': 'application/json', ...headers } })
  const environment = { INSI_PUBLIC_ADDRESS: server.address, INSI_API_KEY: 'insi_a' }
  const ran = await run(['--explain', 'get', 'a'], environment)
  expect([ran.code, ran.stdout]).toEqual([0, '1\n'])
  expect(ran.stderr).toBe(`${TIME} level=INFO msg="Where the time went, in ms" auth=0.071 write=17.1 total=19\n`)
  expect(server.requests.at(-1)?.headers['x-insi-explain']).toBe('1')
  expect((await run(['get', 'a'], environment)).stderr).toBe('')
  expect(server.requests.at(-1)?.headers['x-insi-explain']).toBeUndefined()
})
