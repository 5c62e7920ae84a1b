// The cluster commands and the client behind them: what they send, what they print, and their exit codes.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import path from 'node:path'
import { topologyHash, topologyText } from '../../../src/contract/topology.ts'
import { Cluster } from '../../../src/client/cluster.ts'
import { HttpClient } from '../../../src/client/http.ts'
import { ScriptedServer, apiError, empty, json } from '../client/scripted-server.ts'
import { TIME, run } from './run.ts'
import type { Ran } from './run.ts'

const SECRET = 'please_change_this'

let server: ScriptedServer
let folder: string
beforeAll(async () => {
  server = await ScriptedServer.start()
  folder = await mkdtemp(path.join(tmpdir(), 'insic-cluster-'))
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

async function insic(line: string): Promise<Ran> {
  server.requests.length = 0
  return run(line.split(' '), { INSI_PUBLIC_ADDRESS: server.address, INSI_INSTANCE_SECRET: SECRET })
}

const sent = (): readonly [string, unknown] => {
  const [request] = server.requests
  return [request?.path.replace('/db/api/v1/', '') ?? '', request?.body]
}

const member = (nodeId: string, changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  member_id: `${nodeId}/id-${nodeId}`,
  node_id: nodeId,
  incarnation: `id-${nodeId}`,
  role: 'voter',
  demoted: false,
  raft_address: '127.0.0.1:7000',
  leader: false,
  lag_entries: 0,
  active: true,
  ...changes,
})

const STATUS = {
  state: 'degraded',
  cluster_id: 'c-1',
  leader: 'node0',
  term: 4,
  commit_index: 77,
  membership_index: 5,
  settled: true,
  quorum: { voters: 3, size: 2, active: 2, margin: 0 },
  members: [
    member('node0', { leader: true }),
    member('node1', { lag_entries: 12 }),
    member('node2', { active: false, lag_entries: 70 }),
    member('node3', { role: 'learner', demoted: true }),
  ],
}

const PLAN = {
  action: 'remove',
  member_id: 'node2/id-node2',
  verdict: 'allowed',
  code: null,
  reason: 'it is no member any more',
  warnings: ['2 voters survive no more losses than 1: prefer an odd number'],
  voters_before: ['node0/id-node0', 'node1/id-node1', 'node2/id-node2'],
  voters_after: ['node0/id-node0', 'node1/id-node1'],
  quorum_before: { voters: 3, size: 2, active: 2, margin: 0 },
  quorum_after: { voters: 2, size: 2, active: 2, margin: 0 },
}

test('status shows who leads, what the quorum bears and every member in columns', async () => {
  server.script = () => json(STATUS)
  const ran = await insic('--root cluster status')
  expect(ran.stdout).toBe(
    [
      'State:   degraded',
      'Cluster: c-1',
      'Leader:  node0 (term 4)',
      'Commit:  77',
      'Quorum:  2 of 3 voters must answer, 2 do: 0 more may be lost',
      '',
      'NODE   ROLE     STATE  LAG  ADDRESS         INCARNATION',
      'node0  leader   up     0    127.0.0.1:7000  id-node0',
      'node1  voter    up     12   127.0.0.1:7000  id-node1',
      'node2  voter    away   70   127.0.0.1:7000  id-node2',
      'node3  demoted  up     0    127.0.0.1:7000  id-node3',
      '',
    ].join('\n'),
  )
  expect(ran.code).toBe(3)
  const { membership_index: _index, ...shown } = STATUS
  expect(JSON.parse((await insic('--root -o json cluster status')).stdout)).toEqual(shown)
})

test('status exits with 0 when all is well and with 4 without a quorum', async () => {
  server.script = () => json({ ...STATUS, state: 'ok' })
  expect((await insic('--root cluster status')).code).toBe(0)
  const members = [member('node0', { active: null, lag_entries: null })]
  const quorum = { voters: 1, size: 1, active: null, margin: null }
  server.script = () => json({ ...STATUS, state: 'no_quorum', leader: null, members, quorum })
  const ran = await insic('--root cluster status')
  expect(ran.code).toBe(4)
  expect(ran.stdout).toContain('Leader:  none')
  expect(ran.stdout).toContain('node0  voter  unknown  -')
})

describe('topology', () => {
  const body = 'nodes: {}\n'
  const text = topologyText('made', { generation: 4, hash: topologyHash(body), body })
  const fileWith = async (content: string): Promise<string> => {
    const file = path.join(folder, 'pushed.yaml')
    await writeFile(file, content)
    return file
  }
  const pushed = () => json({ node_id: 'node0', changed: true, generation: 4, hash: topologyHash(body) })

  test('shows which file a node goes by', async () => {
    const answer = { node_id: 'node0', generation: 3, hash: 'ab', source: 'push', nodes: ['node0', 'node1'] }
    server.script = () => json(answer)
    const ran = await insic('--root cluster topology')
    expect(ran.stdout).toBe(
      'Node:       node0\nGeneration: 3\nHash:       ab\nSource:     pushed\nNodes:      node0, node1\n',
    )
    expect([server.requests[0]?.method, sent()[0]]).toEqual(['GET', 'cluster/topology'])
    expect(JSON.parse((await insic('--root -o json cluster topology')).stdout)).toEqual(answer)
  })

  test('pushes what stands below the mark of a file, and any other file with a generation', async () => {
    server.script = pushed
    const ran = await insic(`--root cluster topology push ${await fileWith(text)}`)
    expect(ran).toEqual({ code: 0, stdout: 'generation 4 taken over\nOK\n', stderr: '' })
    expect(server.requests[0]?.method).toBe('PUT')
    expect(sent()).toEqual(['cluster/topology', { generation: 4, hash: topologyHash(body), body }])
    await insic(`--root cluster topology push ${await fileWith(body)} --generation 9`)
    expect(sent()).toEqual(['cluster/topology', { generation: 9, hash: topologyHash(body), body }])
  })

  test.each([
    ['without a mark', body, 'does not say which generation it is'],
    ['that was changed after it was made', `${text}more: 1\n`, 'was changed after generation 4 was made'],
  ])('refuses a file %s', async (_, content, reason) => {
    server.script = pushed
    const ran = await insic(`--root cluster topology push ${await fileWith(content)}`)
    expect([ran.code, ran.stderr.includes(reason), server.requests.length]).toEqual([1, true, 0])
  })
})

test('members prints the columns alone', async () => {
  server.script = () => json({ members: STATUS.members })
  const ran = await insic('--root cluster members')
  expect(ran.stdout.split('\n')).toHaveLength(6)
  expect(sent()[0]).toBe('cluster/members')
})

test.each([
  ['add node3 10.0.0.4:7003', 'add', { node_id: 'node3', raft_address: '10.0.0.4:7003' }],
  ['promote node3', 'promote', { node_id: 'node3' }],
  ['demote node3 --incarnation x', 'demote', { node_id: 'node3', incarnation: 'x' }],
  ['remove node3 --force', 'remove', { node_id: 'node3', force: true }],
  ['transfer', 'transfer', {}],
  ['transfer node1', 'transfer', { target: 'node1' }],
])('cluster %s makes the step', async (words, route, fields) => {
  server.script = () => json({ changed: true, plan: { ...PLAN, warnings: [] } })
  const ran = await insic(`--root cluster ${words}`)
  expect(sent()).toEqual([`cluster/${route}`, { ...fields, plan: false }])
  expect(ran).toEqual({ code: 0, stdout: 'node2/id-node2: it is no member any more\nOK\n', stderr: '' })
  expect(JSON.parse((await insic(`--root -o json cluster ${words}`)).stdout)).toMatchObject({ changed: true })
})

test.each(['cluster plan remove node2', 'cluster remove node2 --plan'])('%s shows the effect', async (words) => {
  server.script = () => json({ changed: false, plan: PLAN })
  const ran = await insic(`--root ${words}`)
  expect(sent()).toEqual(['cluster/remove', { node_id: 'node2', force: false, plan: true }])
  expect(ran.stdout).toBe(
    [
      'Step:    remove node2/id-node2',
      'Verdict: allowed',
      'Reason:  it is no member any more',
      'Before:  2 of 3 voters must answer, 2 do: 0 more may be lost',
      'After:   2 of 2 voters must answer, 2 do: 0 more may be lost',
      '  - node2/id-node2',
      'Warning: 2 voters survive no more losses than 1: prefer an odd number',
      '',
    ].join('\n'),
  )
  expect(ran.code).toBe(0)
})

test('a plan that would be refused exits with 1', async () => {
  server.script = () => json({ changed: false, plan: { ...PLAN, verdict: 'refused', code: 'QUORUM_AT_RISK' } })
  const ran = await insic('--root cluster plan remove node2')
  expect(ran.code).toBe(1)
  expect(ran.stdout).toContain('Verdict: refused (QUORUM_AT_RISK)')
  expect((await insic('--root cluster plan grow node2')).code).toBe(1)
  expect((await insic('--root cluster plan remove')).code).toBe(1)
})

test('a refusal is told with its reason', async () => {
  server.script = () => apiError('QUORUM_AT_RISK')
  const ran = await insic('--root cluster remove node2')
  expect(ran.code).toBe(1)
  expect(ran.stderr).toContain('Error: QUORUM_AT_RISK - The step would cost the cluster its quorum')
  expect((await insic('cluster remove node2')).code).toBe(1)
})

test('leave asks for the node itself', async () => {
  server.script = () => json({ safe: true, leader: 'node1', reason: 'enough' })
  server.requests.length = 0
  const http = new HttpClient({ endpoints: [{ publicUrl: `http://${server.address}` }], apiKey: 'k' })
  expect(await new Cluster(http).leave(500)).toEqual({ safe: true, leader: 'node1', reason: 'enough' })
  expect(sent()).toEqual(['cluster/leave-gate', { timeout_ms: 500 }])
  http.close()
})

describe('leave-gate', () => {
  let config: string
  beforeAll(async () => {
    config = path.join(folder, 'leave.yaml')
    const node = (port: number): string =>
      `{ publicBinding: "127.0.0.1:${port}", privateBinding: "127.0.0.1:${port}", raftBinding: "127.0.0.1:7000" }`
    const nodes = `{ node0: ${node(1)}, node2: ${node(server.port)}, ${JSON.stringify(hostname())}: ${node(server.port)} }`
    await writeFile(config, `instanceSecret: ${SECRET}\nnodes: ${nodes}\n`)
  })

  const leave = async (...words: readonly string[]): Promise<Ran> => {
    server.requests.length = 0
    return run(['--config', config, 'cluster', 'leave-gate', ...words])
  }

  test('asks the node itself and exits with 0 when it may stop', async () => {
    server.script = () => json({ safe: true, leader: 'node1', reason: '2 voters stay, and 2 must' })
    const ran = await leave('node2', '--timeout-ms', '2500')
    expect(ran).toEqual({ code: 0, stdout: 'node2 may stop: 2 voters stay, and 2 must\n', stderr: '' })
    expect(sent()).toEqual(['cluster/leave-gate', { timeout_ms: 2_500 }])
    expect((await leave('-o', 'json', 'node2')).stdout).toBe(
      '{"safe":true,"leader":"node1","reason":"2 voters stay, and 2 must"}\n',
    )
  })

  test('asks the node of the host without an argument, as in a pod', async () => {
    server.script = () => json({ safe: true, leader: null, reason: 'the node has no vote' })
    expect((await leave()).stdout).toBe(`${hostname()} may stop: the node has no vote\n`)
    expect(sent()).toEqual(['cluster/leave-gate', { timeout_ms: 10_000 }])
  })

  test('exits with 3 when the time was up first, and with 1 when the node does not answer', async () => {
    server.script = () => json({ safe: false, leader: 'node1', reason: 'without the node 1 voters would answer' })
    const ran = await leave('node2')
    expect([ran.code, ran.stdout]).toEqual([3, 'node2 is still needed: without the node 1 voters would answer\n'])
    expect((await leave('node0')).code).toBe(1)
    expect((await insic('cluster leave-gate node2')).stderr).toContain('cluster leave-gate command requires --config')
  })

  describe('with a reconciler', () => {
    const status = (...nodeIds: readonly string[]): ReturnType<typeof json> =>
      json({ ...STATUS, members: nodeIds.map((node_id) => ({ ...STATUS.members[0], node_id })) })
    /** Says who is not wanted, and how the cluster looks then. */
    const script = (verdict: string, views: ReturnType<typeof json>[]): void => {
      server.script = ({ path: url }) => {
        if (url.startsWith('/condemned/')) return json({ verdict, reason: '' })
        if (url.includes('leave-gate')) return json({ safe: true, leader: 'node1', reason: 'enough' })
        return views.length > 1 ? (views.shift() ?? status()) : (views[0] ?? status())
      }
    }
    const gate = (...words: readonly string[]): Promise<Ran> =>
      leave('node2', '--reconciler', `http://${server.address}`, ...words)

    test('a node that is not wanted waits until a leader says that it is no member', async () => {
      script('condemned', [status('node0', 'node2'), json({ ...STATUS, leader: null, members: [] }), status('node0')])
      expect(await gate()).toEqual({ code: 0, stdout: 'node2 may stop: it was removed from the cluster\n', stderr: '' })
      expect(server.requests.some(({ path: url }) => url.includes('leave-gate'))).toBe(false)
    })

    test('a node that was removed before it first asked learns it from the members that it remembers', async () => {
      const views = [json({ ...STATUS, leader: null, members: STATUS.members }), status('node0')]
      script('condemned', views)
      expect((await gate()).stdout).toBe('node2 may stop: it was removed from the cluster\n')
    })

    test('nobody waits when the whole cluster stops', async () => {
      script('asleep', [])
      expect((await gate()).stdout).toBe('node2 may stop: the whole cluster stops\n')
    })

    test('a node that is wanted passes the ordinary gate', async () => {
      script('wanted', [])
      expect((await gate()).stdout).toBe('node2 may stop: enough\n')
    })

    test('exits with 3 when it was not removed in time, and lingers as long as it was asked to', async () => {
      script('condemned', [status('node0', 'node2')])
      const startedAtMs = performance.now()
      const ran = await gate('--removal-timeout-ms', '300', '--linger-ms', '600')
      expect([ran.code, ran.stdout]).toEqual([
        3,
        'node2 is still needed: it was not removed from the cluster in time\n',
      ])
      // Timers of Node may fire up to a millisecond early.
      expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(599)
    })
  })
})

describe('join', () => {
  let config: string
  beforeAll(async () => {
    config = path.join(folder, 'cluster.yaml')
    const node = (raft: string): string =>
      `{ publicBinding: "127.0.0.1:${server.port}", privateBinding: "127.0.0.1:${server.port}", raftBinding: "${raft}" }`
    await writeFile(
      config,
      `instanceSecret: ${SECRET}\nnodes:\n  node0: ${node('127.0.0.1:7000')}\n  node1: ${node('0.0.0.0:7001')}\n`,
    )
  })

  const join = (words: readonly string[]): Promise<Ran> => run(['--config', config, 'join', ...words])

  test('sends the Raft address of the follower with the root key', async () => {
    server.requests.length = 0
    server.script = () => empty()
    const ran = await join(['node0', 'node1'])
    expect([ran.code, ran.stdout]).toEqual([0, 'OK\n'])
    expect(ran.stderr).toContain(`${TIME} level=INFO msg="The node is a voting member" follower=node1`)
    expect(server.requests[0]).toMatchObject({
      path: '/db/api/v1/join',
      query: { followerId: 'node1', followerAddr: '127.0.0.1:7001' },
    })
  })

  test('fails with the words that scripts look for', async () => {
    const errorOf = async (words: readonly string[]): Promise<string> => (await join(words)).stderr.trimEnd()
    expect(await errorOf(['nodeX', 'node1'])).toBe("Error: node ID 'nodeX' not found in configuration")
    expect(await errorOf(['node0', 'nodeX'])).toBe("Error: Follower node ID 'nodeX' not found in configuration.")
    const direct = await insic('join node0 node1')
    expect(direct.stderr.trimEnd()).toBe(
      'Error: join command requires --config with a valid cluster configuration file',
    )
    const missing = await run(['--config', path.join(folder, 'none.yaml'), 'join', 'node0', 'node1'])
    expect([missing.code, missing.stderr]).toEqual([
      1,
      expect.stringContaining('Error: join command requires --config'),
    ])
    server.script = () => apiError('JOIN_FAILED')
    expect(await errorOf(['node0', 'node1'])).toMatch(/Failed to join follower$/)
  })
})
