// What a node takes over as the topology of its cluster, what it refuses, and that a restart does not forget it.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { silentLog } from '../../../src/base/log.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { topologyHash } from '../../../src/contract/topology.ts'
import type { TopologyFile, TopologyMark } from '../../../src/contract/topology.ts'
import { TopologyService } from '../../../src/services/cluster-topology.ts'
import type { TopologyPeer } from '../../../src/services/cluster-topology.ts'
import { NodeDisk } from '../../../src/storage/node-disk.ts'

const SECRET = 'a-secret-for-tests-that-is-long-enough-0123456789'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'insi-topology-'))
})
afterEach(() => rm(directory, { recursive: true }))

const nodes = (...names: string[]): string =>
  `defaultLeader: ${names[0]}\nnodes:\n${names.map((name, at) => `  ${name}: { publicBinding: 0.0.0.0:1, privateBinding: 0.0.0.0:2, raftBinding: 0.0.0.0:3, raftAdvertise: ${name}.x:${7000 + at} }\n`).join('')}`
const file = (generation: number, body: string): TopologyFile => ({ generation, hash: topologyHash(body), body })
const { config } = parseConfig(`instanceSecret: ${SECRET}\n${nodes('n0')}`, { path: 'cluster.yaml' })
const open = (fileMark: TopologyMark | null = null): Promise<TopologyService> =>
  TopologyService.open({ config, nodeId: 'n0', fileMark, disk: new NodeDisk(directory), log: silentLog })
const reasonOf = (pushed: Promise<unknown>): Promise<[string, string]> =>
  pushed.then(
    () => ['', ''],
    (error: { code: string; message: string }) => [error.code, error.message],
  )

test('a push is in use at once, survives a restart, and changes nothing when it is repeated', async () => {
  const service = await open()
  expect(service.state).toEqual({ mark: null, source: 'file', nodes: ['n0'] })
  const heard: (readonly TopologyPeer[])[] = []
  service.setPeersListener((peers) => heard.push(peers))
  const three = file(3, nodes('n0', 'n1', 'n2'))
  expect(await service.push(three)).toBe(true)
  expect(await service.push(three)).toBe(false)
  const peers = [
    { nodeId: 'n1', raftAddress: 'n1.x:7001' },
    { nodeId: 'n2', raftAddress: 'n2.x:7002' },
  ]
  expect(heard).toEqual([peers])
  const again = await open()
  expect([again.peers, again.generation, again.state.source]).toEqual([peers, 3, 'push'])
})

test('the generation never goes back, and stands for one content', async () => {
  const service = await open()
  await service.push(file(3, nodes('n0', 'n1')))
  const conflict = (one: TopologyFile) => reasonOf(service.push(one))
  expect(await conflict(file(2, nodes('n0')))).toEqual([
    'TOPOLOGY_CONFLICT',
    'generation 3 is here already, and 2 is older',
  ])
  const [code, message] = await conflict(file(3, nodes('n0')))
  expect([code, message.startsWith('generation 3 is here already, with the hash ')]).toEqual([
    'TOPOLOGY_CONFLICT',
    true,
  ])
  expect(service.generation).toBe(3)
  expect(await service.push(file(4, nodes('n0')))).toBe(true)
})

test('of the own file and what was pushed, the newest counts', async () => {
  await (await open()).push(file(3, nodes('n0', 'n1')))
  const mark = (generation: number): TopologyMark => ({ generation, hash: 'f'.repeat(64) })
  expect((await open(mark(2))).state.source).toBe('push')
  for (const generation of [3, 4]) {
    const service = await open(mark(generation))
    expect(service.state).toEqual({ mark: mark(generation), source: 'file', nodes: ['n0'] })
  }
})

test.each([
  ['another hash', { ...file(1, nodes('n0')), hash: '0'.repeat(64) }, 'its SHA-256 is'],
  ['no YAML', file(1, 'nodes: ['), 'line 1, column'],
  ['an unknown option', file(1, `nope: 1\n${nodes('n0')}`), 'line 1, column 1: '],
  ['a wrong value', file(1, `${nodes('n0')}raft:\n  heartbeat: soon\n`), 'line 5, column 14: '],
  ['no nodes', file(1, 'nodes: {}'), 'nodes'],
  ['other nodes alone', file(1, nodes('n1', 'n2')), 'nodes has n1, n2, but not this node, n0'],
  ['a secret', file(1, `${nodes('n0')}instance-secret: abc\n`), 'must not hold secrets: line 4 has instance-secret'],
  ['the secret of this cluster', file(1, `# ${SECRET}\n${nodes('n0')}`), 'must not hold secrets: line 1'],
])('%s is refused with the reason, and nothing is written', async (_, one, reason) => {
  const service = await open()
  const [code, message] = await reasonOf(service.push(one))
  expect([code, message.includes(reason) ? reason : message]).toEqual(['TOPOLOGY_INVALID', reason])
  expect(message).not.toContain(SECRET)
  await expect(readFile(path.join(directory, 'topology.json'))).rejects.toThrow('ENOENT')
})

test.each([
  ['is cut off', '{"version":1,'],
  ['is of a later version', '{"version":9}'],
  ['was changed', JSON.stringify({ version: 1, generation: 7, hash: 'x', body: nodes('n0') })],
])('a record that %s is left out, and the next push replaces it', async (_, content) => {
  await writeFile(path.join(directory, 'topology.json'), content)
  const service = await open()
  expect(service.state.source).toBe('file')
  expect(await service.push(file(1, nodes('n0', 'n1')))).toBe(true)
  expect((await open()).generation).toBe(1)
})
