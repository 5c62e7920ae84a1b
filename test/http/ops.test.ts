import { ROUTES } from '../../src/contract/routes.ts'
import { SERIES } from '../../src/metrics/catalogue.ts'
import { HttpNode, ROOT_KEY } from '../support/http-node.ts'
import { metricsSourcesOf } from '../support/metrics-sources.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

let node: HttpNode
let clock: VirtualClock
beforeEach(async () => {
  clock = new VirtualClock()
  node = await HttpNode.start({ clock })
  node.services.health.start()
})
afterEach(() => node.stop())

const get = (path: string, listener: 'private' | 'ops' = 'ops') => node.call(listener, path)
/** Moves the clock in the steps in which health samples. */
const pass = (durationMs: number): void => {
  for (let passed = 0; passed < durationMs; passed += 500) clock.advance(500)
}

test('health, metrics and version need no key on the private and the ops listener, and are not public', async () => {
  for (const path of ['/livez', '/readyz', '/startupz', '/metrics', '/version']) {
    expect([path, (await get(path)).status]).toEqual([path, 200])
    expect([path, (await get(path, 'private')).status]).toEqual([path, 200])
    expect([path, (await node.call('public', path)).status]).toEqual([path, 404])
  }
  expect((await get('/db/api/v1/admin/api/create')).status).toBe(404)
})

test('version says what runs', async () => {
  expect((await get('/version')).json()).toEqual({ name: 'insi', version: '1.2.3', node: 'v26' })
})

test('readiness survives a short election and ends with a long one, liveness does not care', async () => {
  expect((await get('/readyz')).status).toBe(200)
  node.replicator.changeStatus({ leader: null, role: 'candidate' })
  pass(4_000)
  expect((await get('/readyz')).status).toBe(200)
  pass(2_000)
  const late = await get('/readyz')
  expect([late.status, late.text]).toEqual([503, 'leader: no leader is known\nnot ready\n'])
  expect((await get('/livez')).status).toBe(200)
  expect((await get('/startupz')).status).toBe(200)
  node.replicator.changeStatus({})
  expect((await get('/readyz')).status).toBe(200)
})

test('the grace counts from when a leader was last known, not from the last probe', async () => {
  pass(60_000)
  node.replicator.changeStatus({ leader: null, role: 'follower' })
  pass(1_000)
  expect((await get('/readyz')).status).toBe(200)
})

test.each([
  [{ role: 'joining' as const, leader: null }, 'the node is joining'],
  [{ role: 'joining' as const, leader: null, obstacle: 'nobody answers' }, 'the node is joining: nobody answers'],
  [{ role: 'learner' as const }, 'the node is learner'],
  [{ commitIndex: 10, clusterCommitIndex: 50_000, appliedIndex: 10 }, '49990 committed entries are not applied yet'],
  [{ quarantined: 'the state differs at index 7' }, 'the state differs at index 7'],
])('a node with %j is not ready', async (status, reason) => {
  node.replicator.changeStatus(status)
  const answer = await get('/readyz')
  expect([answer.status, answer.text]).toEqual([503, expect.stringContaining(reason)])
})

test('a disk that hangs takes the node out of service first, and fails its liveness when that lasts', async () => {
  node.replicator.changeStatus({ diskBusySinceMs: clock.monotonicMs() })
  pass(4_500)
  expect((await get('/readyz')).status).toBe(200)
  pass(500)
  const late = await get('/readyz')
  expect([late.status, late.text]).toEqual([503, 'disk: the disk has not answered for 5 s\nnot ready\n'])
  expect((await get('/livez')).status).toBe(200)
  pass(25_000)
  const dead = await get('/livez')
  expect([dead.status, dead.text]).toEqual([503, 'disk: the disk has not answered for 30 s\nnot alive\n'])
  node.replicator.changeStatus({})
  expect((await get('/livez')).status).toBe(200)
  expect((await get('/readyz')).status).toBe(200)
})

test('a node that is cut off from its cluster, or replays what it missed, stays alive however long it takes', async () => {
  node.replicator.changeStatus({ leader: null, role: 'preCandidate' })
  pass(600_000)
  expect([(await get('/livez')).status, (await get('/readyz')).status]).toEqual([200, 503])
  node.replicator.changeStatus({ clusterCommitIndex: 1_000_000, appliedIndex: 7 })
  pass(600_000)
  expect([(await get('/livez')).status, (await get('/readyz')).status]).toEqual([200, 503])
  expect((await get('/readyz')).text).toContain('999993 committed entries are not applied yet')
})

test('a node that was never ready has not started', async () => {
  const fresh = await HttpNode.start({ clock: new VirtualClock() })
  fresh.replicator.changeStatus({ role: 'joining', leader: null })
  expect((await fresh.call('ops', '/startupz')).status).toBe(503)
  fresh.replicator.changeStatus({})
  expect((await fresh.call('ops', '/startupz')).status).toBe(200)
  await fresh.stop()
})

test('a stopping node is not ready, and says each check when asked', async () => {
  expect((await get('/readyz?verbose')).text).toBe(
    '[+] serving\n[+] intact\n[+] disk\n[+] member\n[+] leader\n[+] caught-up\nok\n',
  )
  node.services.health.beginStop()
  const answer = await get('/readyz?verbose=1')
  expect([answer.status, answer.text]).toEqual([503, expect.stringContaining('[-] serving: the node is stopping\n')])
})

describe('metrics', () => {
  test('hold every series of the catalogue and the defaults of the process', async () => {
    const { text, headers } = await get('/metrics')
    expect(headers['content-type']).toContain('text/plain')
    for (const [name, { type, help }] of Object.entries(SERIES)) {
      expect(text).toContain(`# TYPE ${name} ${type}\n`)
      expect(text).toContain(`# HELP ${name} ${help}\n`)
    }
    expect(text).toContain('process_resident_memory_bytes ')
    expect(text).toContain('insi_build_info{version="1.2.3",runtime="v26",node="node0"} 1\n')
  })

  test('count requests by route and status class, with latencies, from 0', async () => {
    const before = (await get('/metrics')).text
    for (const route of ROUTES) {
      expect(before).toContain(`insi_http_requests_total{route="${route.name}",status="5xx"} 0\n`)
      if (route.listener !== 'ops') expect(before).toContain(`_count{route="${route.name}"} 0\n`)
    }
    await node.call('public', '/db/api/v1/get?key=a', { token: ROOT_KEY })
    await node.call('public', '/db/api/v1/set', { token: ROOT_KEY, body: { key: 'a', value: '1' } })
    await node.call('public', '/nowhere')
    const { text } = await get('/metrics')
    expect(text).toContain('insi_http_requests_total{route="value.get",status="4xx"} 1\n')
    expect(text).toContain('insi_http_requests_total{route="value.set",status="2xx"} 1\n')
    expect(text).toContain('insi_http_requests_total{route="none",status="4xx"} 1\n')
    expect(text).toContain('insi_http_request_duration_seconds_bucket{le="+Inf",route="value.set"} 1\n')
    expect(text).toContain('insi_http_request_duration_seconds_count{route="value.set"} 1\n')
  })

  test('show the replica as it is when scraped, and what it reported', async () => {
    node.metrics.readFrom(metricsSourcesOf({ replica: { role: 'leader', term: 7, lastIndex: 13, quorumMargin: 1 } }))
    node.metrics.replica.onFlush({ durationMs: 2 })
    node.metrics.replica.onApply({ entryCount: 5, durationMs: 1 })
    node.metrics.replica.onProposalOutcome('no_leader')
    const { text } = await get('/metrics')
    for (const line of [
      'insi_raft_role{role="leader"} 1',
      'insi_raft_role{role="follower"} 0',
      'insi_raft_term 7',
      'insi_raft_has_leader 1',
      'insi_raft_last_index 13',
      'insi_raft_peer_lag_entries{peer="node1"} 4',
      'insi_raft_peer_active{peer="node1"} 1',
      'insi_raft_quorum_margin 1',
      'insi_raft_is_leader 1',
      'insi_log_fsync_duration_seconds_count 1',
      'insi_state_applied_entries_total 5',
      'insi_proposals_total{outcome="no_leader"} 1',
      'insi_proposals_total{outcome="applied"} 0',
    ]) {
      expect(text).toContain(`${line}\n`)
    }
  })

  test('name every unit as the conventions of the format ask', () => {
    for (const [name, { type, help }] of Object.entries(SERIES)) {
      expect(name).toMatch(/^insi_[a-z_]+$/)
      expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter'])
      expect(help).toMatch(/\.$/)
    }
  })
})
