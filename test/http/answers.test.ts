// Every route that answers JSON, once: HttpNode holds each answer against the form that the API describes.
import { ANSWERS } from '../../src/contract/answers.ts'
import { API_PREFIX } from '../../src/contract/route.ts'
import type { Route } from '../../src/contract/route.ts'
import { ROUTES } from '../../src/contract/routes.ts'
import { topologyHash } from '../../src/contract/topology.ts'
import { checkAnswer } from '../support/answer-check.ts'
import { HttpNode, ROOT_KEY } from '../support/http-node.ts'
import type { Answer } from '../support/http-node.ts'

const ALL = { space: 'value', key: 'k' }

let node: HttpNode
beforeAll(async () => {
  node = await HttpNode.start()
})
afterAll(() => node.stop())

/** Calls a route as its name says and expects its success. */
async function call(name: string, body: unknown, token = ROOT_KEY): Promise<Answer> {
  const route: Route | undefined = ROUTES.find((candidate) => candidate.name === name)
  if (route === undefined) throw new Error(`no route ${name}`)
  const listener = route.listener === 'ops' ? 'private' : route.listener
  const method = route.methods.includes('POST') ? 'POST' : 'GET'
  const sent = method === 'POST' ? { body } : {}
  const answer = await node.call(listener, route.path, { method, token, ...sent })
  expect([name, answer.status, answer.text]).toEqual([name, route.success.status, expect.any(String)])
  tried.add(name)
  return answer
}
const tried = new Set<string>()

test('every route that answers JSON says which form it has, and answers in it', async () => {
  const { key } = (await call('admin.api.create', { key_name: 'a' })).json() as { readonly key: string }
  for (const noun of ['value', 'cache']) {
    for (const operation of ['iterate', 'entries', 'count']) await call(`${noun}.${operation}`, {}, key)
    await call(`${noun}.set`, { key: 'k', value: '"\n' }, key)
    await call(`${noun}.setnx`, { key: 'ttl', value: '', ttl_ms: 60_000 }, key)
    await call(`${noun}.cas`, { key: 'k', old_value: '"\n', new_value: 'v' }, key)
    await call(`${noun}.expire`, { key: 'k', ttl_ms: null }, key)
    for (const meta of [false, true]) await call(`${noun}.get`, { key: meta ? 'ttl' : 'k', meta }, key)
    await call(`${noun}.get`, { key: 'k', meta: true }, key)
    for (const operation of ['iterate', 'entries', 'count']) await call(`${noun}.${operation}`, { limit: 1 }, key)
    await call(`${noun}.delete`, { key: 'k' }, key)
    await call(`${noun}.deleteRange`, { prefix: 't' }, key)
  }
  await call('value.bump', { key: 'n', value: '-5', min: null }, key)
  const operations = [
    { op: 'set', ...ALL, value: '1' },
    { op: 'setnx', ...ALL, value: '1' },
    { op: 'cas', ...ALL, revision: 0, new_value: '1' },
    { op: 'bump', ...ALL, value: '1' },
    { op: 'publish', topic: 't', data: 1 },
  ]
  await call('batch', { operations }, key)
  await call('txn', { compare: [{ op: 'missing', key: 'none' }], then: [operations[3], operations[4]] }, key)
  await call('event.publish', { topic: 't', data: null }, key)
  await call('event.purge', {}, key)
  await call('event.shake', {}, key)
  for (const token of [key, ROOT_KEY]) {
    await call('ping', {}, token)
    await call('limits', {}, token)
  }
  await call('alias.list', {}, key)
  const { alias } = (await call('alias.set', {}, key)).json() as { readonly alias: string }
  await call('alias.list', {}, key)
  await call('admin.limits.set', { api_key: key, limits: { bytes_on_disk: 1_000 } })
  await call('admin.limits.get', { api_key: key })
  await call('admin.insight.entity', { root_api_key: key })
  await call('admin.insight.entities', {})
  await call('admin.insight.entityByAlias', { alias })
  await call('alias.delete', { alias }, key)
  await call('admin.metrics.ops', {})
  await call('admin.log.set', { level: 'info' })
  await call('admin.log.get', {})
  await call('admin.api.delete', { key })
  await call('ops.version', {})
  for (const name of ['openapi.public', 'openapi.all']) await call(name, {})
})

test('those of the cluster too', async () => {
  await call('cluster.status', {})
  await call('cluster.members', {})
  const plan = { node_id: 'node0', plan: true }
  await call('cluster.transfer', { target: 'node0', plan: true })
  await call('cluster.add', { ...plan, raft_address: '127.0.0.1:7001' })
  for (const step of ['promote', 'demote', 'remove']) await call(`cluster.${step}`, plan)
  await call('cluster.leaveGate', {})
  const nodes = '{ node0: { publicBinding: 127.0.0.1:1, privateBinding: 127.0.0.1:2, raftBinding: 127.0.0.1:3 } }'
  const body = `defaultLeader: node0\nnodes: ${nodes}\n`
  await call('cluster.topology', {})
  await call('cluster.topologyPush', { generation: 1, hash: topologyHash(body), body })
  await call('cluster.topology', {})
})

test('no route was left out, here or in the description', () => {
  const isJson = ({ success: { body } }: Route): boolean => body.startsWith('{') || body.startsWith('[')
  const names = ROUTES.filter(isJson).map(({ name }) => name)
  expect(names.filter((name) => ANSWERS[name] === undefined)).toEqual([])
  const elsewhere = ['admin.overview']
  expect(names.filter((name) => !tried.has(name) && !elsewhere.includes(name))).toEqual([])
})

test('an answer with a member more, less or of another type is noticed', () => {
  const check =
    (name: string, text: string, method = 'GET') =>
    () =>
      checkAnswer(method, `${API_PREFIX}/${name}?x=1`, { status: 200, text })
  expect(check('count', '{"count":1}')).not.toThrow()
  for (const text of ['{"count":"1"}', '{"count":1,"more":2}', '{}', '[]', 'null'])
    expect(check('count', text)).toThrow()
  expect(check('set', '{}', 'POST')).toThrow('answered a body')
  expect(check('iterate/prefix', '{"data":[]}')).toThrow()
})
