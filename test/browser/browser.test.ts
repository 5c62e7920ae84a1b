// A browser as a client of one real node: the example of the documentation, each way to hand over the key, and origins.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { eventually } from '../support/eventually.ts'
import { javascriptExample } from '../support/javascript-example.ts'
import { ProcessCluster } from '../support/process-cluster.ts'
import { Chromium } from './chromium.ts'

let cluster: ProcessCluster
let chromium: Chromium
let url: string
let otherOrigin: string
const otherServer = createServer((_request, response) => response.end('a page'))
let key: string

beforeAll(async () => {
  cluster = await ProcessCluster.create({ nodeCount: 1 })
  cluster.startAll()
  await cluster.ready()
  url = cluster.publicUrl('node0')
  const created = await cluster.call('node0', '/db/api/v1/admin/api/create', {
    private: true,
    body: { key_name: 'browser' },
  })
  key = (created.json() as { key: string }).key
  await new Promise<void>((resolve) => otherServer.listen(0, '127.0.0.1', resolve))
  otherOrigin = `http://127.0.0.1:${(otherServer.address() as AddressInfo).port}/`
  chromium = await Chromium.start()
}, 60_000)
afterAll(async () => {
  await chromium?.stop()
  otherServer.closeAllConnections()
  otherServer.close()
  await cluster?.destroy()
})

const socketUrl = (query: string): string => `${url.replace('http:', 'ws:')}/db/api/v1/events/subscribe${query}`
const publish = (topic: string, data: unknown): Promise<unknown> =>
  cluster.call('node0', '/db/api/v1/events', { token: key, body: { topic, data } })

test('the example of the documentation runs as it is on a page of the same origin', async () => {
  const page = await chromium.open(`${url}/openapi.json`)
  await page.run(`${javascriptExample(url, key)}\n`)
  await eventually('the event is printed', () => (page.printed.length > 0 ? true : undefined))
  expect(page.printed.join()).toContain('user:1')
  expect(await cluster.call('node0', '/db/api/v1/get?key=user:1', { token: key })).toMatchObject({ status: 200 })
})

test.each([
  ['in the query', (): string => `new WebSocket('${socketUrl('?topic=t')}&token=${key}')`],
  ['as a subprotocol', (): string => `new WebSocket('${socketUrl('?topic=t')}', ['insi.v1', 'insi.bearer.${key}'])`],
])('a WebSocket with the key %s receives events, also on a page of another origin', async (_name, socket) => {
  const page = await chromium.open(otherOrigin)
  await page.run(`
    globalThis.frames_ = []
    globalThis.socket = ${socket()}
    socket.onmessage = ({ data }) => frames_.push(JSON.parse(data).data)
    await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = () => reject(new Error('refused')) })`)
  await publish('t', { n: 1 })
  await eventually('the event', async () => ((await page.run('return frames_.length')) === 1 ? true : undefined))
  expect(await page.run('return frames_')).toEqual([{ n: 1 }])
})

test('a page of another origin cannot fetch', async () => {
  const page = await chromium.open(otherOrigin)
  const error = await page.run(`
    const headers = { Authorization: 'Bearer ${key}' }
    return fetch('${url}/db/api/v1/get?key=user:1', { headers }).then(() => 'fetched', (error) => error.message)`)
  expect(error).toBe('Failed to fetch')
})

test('a WebSocket without a key is refused', async () => {
  const page = await chromium.open(`${url}/openapi.json`)
  const code = await page.run(`
    const socket = new WebSocket('${socketUrl('?topic=t')}')
    return new Promise((resolve) => { socket.onclose = ({ code }) => resolve(code) })`)
  expect(code).toBe(1006)
})

test('an EventSource receives events, and resumes by itself since the last one when it is disconnected', async () => {
  const page = await chromium.open(`${url}/openapi.json`)
  const source = `/db/api/v1/events/subscribe?topic=s&token=${key}`
  await page.run(`
    globalThis.received = []
    globalThis.opened = 0
    const source = new EventSource('${source}')
    source.onmessage = ({ data }) => received.push(JSON.parse(data).data)
    await new Promise((resolve) => { source.onopen = () => { opened += 1; resolve() } })`)
  await publish('s', 1)
  await eventually('the first', async () => ((await page.run('return received.length')) === 1 ? true : undefined))
  await cluster.call('node0', '/db/api/v1/events/purge', { token: key, body: {} })
  await publish('s', 2)
  await eventually('the second', async () => ((await page.run('return received.length')) === 2 ? true : undefined), {
    timeoutMs: 15_000,
  })
  expect(await page.run('return [received, opened]')).toEqual([[1, 2], 2])
})

test('the status page does not go on calling a cluster healthy whose node is gone, and sees it come back', async () => {
  const page = await chromium.open(`http://127.0.0.1:${cluster.node('node0').privatePort}/`)
  const badgeBecomes = (text: string): Promise<true> =>
    eventually(
      `the badge says ${text}`,
      async () => ((await page.run("return document.getElementById('state').textContent")) === text ? true : undefined),
      { timeoutMs: 20_000 },
    )
  await page.run(`
    document.getElementById('key').value = '${cluster.rootKey}'
    document.getElementById('login').requestSubmit()`)
  await badgeBecomes('healthy')
  await cluster.kill('node0')
  await badgeBecomes('no answer')
  cluster.start('node0')
  await cluster.ready()
  await badgeBecomes('healthy')
}, 60_000)
