// Where the time of one request goes, and what three real nodes show of themselves.
import { eventually } from '../support/eventually.ts'
import { ProcessCluster } from '../support/process-cluster.ts'

let cluster: ProcessCluster
let leader: string
let follower: string
beforeAll(async () => {
  cluster = await ProcessCluster.running(3)
  leader = await leaderId()
  follower = cluster.nodeIds.find((nodeId) => nodeId !== leader) ?? ''
}, 60_000)
afterAll(() => cluster.destroy())

async function leaderId(): Promise<string> {
  return eventually('a leader is known by name', async () => {
    const status = await cluster.call('node0', '/db/api/v1/cluster/status', { private: true })
    return status.status === 200 ? ((status.json() as { leader: string | null }).leader ?? undefined) : undefined
  })
}

/** Durations in ms by phase. */
function phasesOf(header: unknown): Map<string, number> {
  const metrics = String(header).split(', ')
  return new Map(
    metrics.map((metric) => {
      const [phase = '', duration = ''] = metric.split(';dur=')
      return [phase, Number(duration)]
    }),
  )
}

const write = (nodeId: string, query: string) =>
  cluster.call(nodeId, `/db/api/v1/set${query}`, { body: { key: 'a', value: '1' } })

test('an answer says where its time went when it is asked for, and only then', async () => {
  expect((await write(leader, '')).headers['server-timing']).toBeUndefined()
  expect((await write(leader, '?explain=0')).headers['server-timing']).toBeUndefined()
  const answer = await write(leader, '?explain=1')
  expect(answer.status).toBe(200)
  const phases = phasesOf(answer.headers['server-timing'])
  expect([...phases.keys()]).toEqual(
    expect.arrayContaining([
      'route',
      'auth',
      'body',
      'parse',
      'write',
      'queue',
      'append',
      'fsync',
      'replicate',
      'apply',
      'total',
    ]),
  )
  expect(phases.has('hop')).toBe(false)
  const { write: writeMs = 0, total = 0, replicate = 0 } = Object.fromEntries(phases)
  expect(replicate).toBeGreaterThan(0)
  expect(writeMs).toBeGreaterThanOrEqual(replicate)
  expect(total).toBeGreaterThanOrEqual(writeMs)
})

test('a write through a follower also shows its way to the leader and back, and what the leader did meanwhile', async () => {
  const phases = phasesOf((await write(follower, '?explain=1')).headers['server-timing'])
  for (const phase of ['hop', 'queue', 'append', 'fsync', 'replicate', 'apply']) {
    expect([phase, phases.has(phase)]).toEqual([phase, true])
  }
  expect(phases.get('replicate')).toBeGreaterThan(0)
  expect(phases.get('hop')).toBeLessThanOrEqual(phases.get('write') ?? 0)
})

test('a read shows its barrier, and an error its way until then', async () => {
  const read = phasesOf((await cluster.call(follower, '/db/api/v1/get?key=a&explain=1')).headers['server-timing'])
  expect([...read.keys()]).toEqual(expect.arrayContaining(['barrier', 'read', 'total']))
  const refused = await cluster.call(follower, '/db/api/v1/get?key=a&explain=1', { token: 'insi_x' })
  expect([refused.status, phasesOf(refused.headers['server-timing']).has('auth')]).toEqual([401, true])
})

test('the leader measures each phase of every write, and knows its margin; the others know whom they handed writes to', async () => {
  const seriesOf = async (nodeId: string): Promise<string> =>
    (await cluster.call(nodeId, '/metrics', { private: true })).text
  const text = await seriesOf(leader)
  for (const phase of ['queue', 'append', 'fsync', 'replicate', 'apply']) {
    const count = new RegExp(`insi_write_phase_duration_seconds_count\\{phase="${phase}"\\} (\\d+)`).exec(text)?.[1]
    expect(Number(count)).toBeGreaterThan(0)
  }
  expect(text).toContain('insi_raft_quorum_margin 1\n')
  expect(text).toContain('insi_raft_members{role="voter"} 3\n')
  expect(text).toMatch(/insi_disk_free_bytes [1-9]/)
  expect(await seriesOf(follower)).toMatch(/insi_forwarded_proposals_total [1-9]/)
})
