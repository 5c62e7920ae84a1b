// cluster.yaml as the reconciler writes it.
import { parse } from 'yaml'
import { parseConfig } from '../../../src/config/load.ts'
import { nodesIn, nodesOf, render } from '../../../src/reconciler/render.ts'
import type { SetView } from '../../../src/reconciler/snapshot.ts'

const ADDRESSING = {
  headlessService: 'insi-headless',
  namespace: 'shop',
  clusterDomain: 'cluster.local',
  ports: { public: 8080, private: 8081, raft: 7000, ops: 9090 },
}
const BASE = 'insiHome: /data\ndefaultLeader: insi-0\nlogging: {level: debug, format: json}\n'
const SET: SetView = { name: 'insi', uid: 'u', replicas: 3, firstOrdinal: 0, isDeleting: false, isPaused: false }
const THREE = ['insi-0', 'insi-1', 'insi-2']

test('equal input gives equal bytes, whatever the order of the options', () => {
  const first = render(BASE, THREE, ADDRESSING, [])
  const other = 'logging: {format: json, level: debug}\ndefaultLeader: insi-0\ninsiHome: /data\n'
  expect(render(other, THREE, ADDRESSING, [first])).toEqual(first)
  expect(render(BASE, THREE, ADDRESSING, [first]).text).toBe(first.text)
})

test('the generation grows with the content alone, and both stand in the head', () => {
  const first = render(BASE, THREE, ADDRESSING, [])
  const second = render(BASE, [...THREE, 'insi-3'], ADDRESSING, [first])
  expect([first.generation, second.generation]).toEqual([1, 2])
  expect(second.text.split('\n')[1]).toBe(`# generation: 2, hash: ${second.hash}`)
  expect(second.hash).toMatch(/^[0-9a-f]{64}$/)
  expect(second.hash).not.toBe(first.hash)
})

test('the server takes what is rendered', () => {
  const { text } = render(BASE, THREE, ADDRESSING, [])
  const { config } = parseConfig(text, {
    path: 'cluster.yaml',
    environment: { INSI_INSTANCE_SECRET: 'kD8sJ2qLw0ZpX4mN7vB1cR6tY9uE3aHg' },
  })
  expect(Object.keys(config.nodes)).toEqual(THREE)
  expect(config.nodes['insi-1']?.raftAdvertise).toEqual({
    host: 'insi-1.insi-headless.shop.svc.cluster.local',
    port: 7000,
  })
  expect(nodesIn(text)).toEqual(THREE)
})

test('secrets and nodes in the options are refused', () => {
  for (const name of ['instanceSecret', 'instance_secret', 'previousInstanceSecret', 'nodes']) {
    expect(() => render(`${name}: x`, THREE, ADDRESSING, [])).toThrow(name)
  }
  expect(() => render('- a list', THREE, ADDRESSING, [])).toThrow('must be a map')
  expect(parse(render('', THREE, ADDRESSING, []).text)).toHaveProperty('nodes')
})

test('every wanted pod is named, and a member until it is removed; without a leader nobody is forgotten', () => {
  const member = {
    incarnation: 'x',
    role: 'voter',
    demoted: false,
    isLeader: false,
    active: true,
    lagEntries: 0,
  } as const
  const raft = {
    clusterId: 'c',
    leader: 'insi-0',
    isSettled: true,
    members: ['insi-10', 'insi-4', 'other-1'].map((nodeId) => ({ ...member, nodeId, memberId: `${nodeId}/x` })),
  }
  expect(nodesOf(SET, raft, [])).toEqual([...THREE, 'insi-4', 'insi-10'])
  expect(nodesOf(SET, null, ['insi-4'])).toEqual([...THREE, 'insi-4'])
  expect(nodesOf({ ...SET, firstOrdinal: 2, replicas: 1 }, null, [])).toEqual(['insi-2'])
  expect(nodesIn('no: [yaml')).toEqual([])
})

test('the newest file that anybody remembers stays when it is the same, and is outdone otherwise', () => {
  const { hash } = render(BASE, THREE, ADDRESSING, [])
  const generation = (...earlier: [number, string][]): number =>
    render(
      BASE,
      THREE,
      ADDRESSING,
      earlier.map(([of, its]) => ({ generation: of, hash: its })),
    ).generation
  expect(generation([0, ''])).toBe(1)
  expect(generation([2, 'x'], [4, hash])).toBe(4)
  expect(generation([4, hash], [4, 'x'])).toBe(5)
  expect(generation([4, hash], [6, 'x'], [0, ''])).toBe(7)
})
