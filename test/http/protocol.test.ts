// What holds for every route: headers, errors of the cluster, and how the listener treats connections.
import net from 'node:net'
import { insiError } from '../../src/contract/errors.ts'
import { PIPELINED_REQUESTS_MAX } from '../../src/contract/limits.ts'
import type { LogFields } from '../../src/base/log.ts'
import { silentLog } from '../../src/base/log.ts'
import { HttpNode, ROOT_KEY } from '../support/http-node.ts'
import { eventually } from '../support/eventually.ts'

let node: HttpNode
afterEach(() => node.stop())

const get = (path: string, headers: Record<string, string> = {}) =>
  node.call('public', `/db/api/v1/${path}`, { token: ROOT_KEY, headers })
const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  node.call('public', `/db/api/v1/${path}`, { token: ROOT_KEY, body, headers })

/** Sends raw bytes to the public listener and collects what comes back until the connection ends or `until` is seen. */
async function raw(text: string | readonly string[], until?: string): Promise<string> {
  const socket = net.connect(node.port('public'), '127.0.0.1')
  let received = ''
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => {
    received += chunk
  })
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => resolve())
    socket.on('error', () => resolve())
  })
  for (const part of typeof text === 'string' ? [text] : text) socket.write(part, 'latin1')
  if (until === undefined) await closed
  else await eventually(`an answer with ${until}`, () => (received.includes(until) ? true : undefined))
  socket.destroy()
  return received
}

describe('every answer', () => {
  beforeEach(async () => {
    node = await HttpNode.start()
  })

  test('says which node gave it, at which term and index, and how it was read', async () => {
    await post('set', { key: 'a', value: '1' })
    const read = await get('get?key=a')
    expect(read.headers).toMatchObject({ 'x-insi-node': 'node0', 'x-insi-term': '1', 'x-insi-applied-index': '1' })
    expect(read.headers['x-insi-read']).toBe('linearizable')
    expect((await get('get?key=a&consistency=local')).headers['x-insi-read']).toBe('local')
    expect((await post('get?consistency=local', { key: 'a' })).headers['x-insi-read']).toBe('local')
    expect((await post('get', { key: 'a', consistency: 'local' })).headers['x-insi-read']).toBe('local')
    expect((await post('set', { key: 'a', value: '2' })).headers['x-insi-read']).toBeUndefined()
    expect((await get('get?key=missing')).headers).toMatchObject({
      'x-insi-node': 'node0',
      'x-insi-read': 'linearizable',
    })
  })

  test('carries the id of the request: the given one if it is sane, else a new one', async () => {
    const idOf = async (id: string): Promise<unknown> =>
      (await get('ping', { 'X-Request-Id': id })).headers['x-request-id']
    expect(await idOf('abc-1.2:3/x=@+')).toBe('abc-1.2:3/x=@+')
    const made = /^[0-9a-f]{8}-[0-9a-z]+$/
    for (const id of ['', 'a b', 'a"b', '<x>', 'x'.repeat(129)]) expect(await idOf(id)).toMatch(made)
    expect((await get('ping')).headers['x-request-id']).not.toBe((await get('ping')).headers['x-request-id'])
  })

  test('to HEAD has the headers of GET and no body', async () => {
    await post('set', { key: 'a', value: '1' })
    const head = await node.call('public', '/db/api/v1/get?key=a', { token: ROOT_KEY, method: 'HEAD' })
    expect([head.status, head.text, head.headers['content-length']]).toEqual([200, '', '13'])
  })

  test('comes over one connection that stays open', async () => {
    const request = `GET /db/api/v1/ping HTTP/1.1\r\nHost: x\r\nAuthorization: ${ROOT_KEY}\r\n\r\n`
    const received = await raw([request, request, request.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')])
    expect(received.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(3)
    expect(received).toContain('Keep-Alive: timeout=')
  })
})

test('a node that is about to stop ends its public connections with their next answer', async () => {
  node = await HttpNode.start()
  const connectionOf = async (listener: 'public' | 'private') =>
    (await node.call(listener, '/db/api/v1/ping', { token: ROOT_KEY })).headers.connection
  expect(await connectionOf('public')).toBe('keep-alive')
  const asked = await node.call('private', '/db/api/v1/cluster/leave-gate', {
    token: ROOT_KEY,
    body: { timeout_ms: 0 },
  })
  expect(asked.status).toBe(200)
  expect(await connectionOf('public')).toBe('close')
  expect(await connectionOf('private')).toBe('keep-alive')
})

describe('an error of the cluster', () => {
  beforeEach(async () => {
    node = await HttpNode.start()
  })

  test.each(['NO_LEADER', 'OVERLOADED', 'NODE_STOPPING', 'READ_TIMEOUT', 'NODE_QUARANTINED'] as const)(
    '%s is a 503 that may be repeated',
    async (code) => {
      node.replicator.refuseWith(code)
      for (const answer of [await post('set', { key: 'a', value: '1' }), await get('get?key=a')]) {
        expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1'])
        expect(answer.json()).toMatchObject({ error_type: code })
      }
    },
  )

  test('that leaves the outcome unknown is never reported as a failure that may be repeated', async () => {
    node.replicator.refuseWith('OUTCOME_UNKNOWN')
    const answer = await post('set', { key: 'a', value: '1' })
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, undefined])
    expect(answer.json()).toMatchObject({ error_type: 'OUTCOME_UNKNOWN', message: expect.stringContaining('unknown') })
  })

  test('does not keep a local read from being answered', async () => {
    await post('set', { key: 'a', value: '1' })
    node.replicator.refuseWith('NO_LEADER')
    expect((await get('get?key=a&consistency=local')).json()).toEqual({ data: '1' })
    expect((await get('ping')).status).toBe(200)
  })
})

test('a failure inside the node is a 500 without details, which are in the log under the request id', async () => {
  const logged: LogFields[] = []
  const log = { ...silentLog, error: (fields: LogFields) => logged.push(fields), child: () => log }
  node = await HttpNode.start({ log })
  const failure = insiError('RECORD_CORRUPT', 'the checksum of a secret place is wrong')
  node.state.reader.get = () => {
    throw failure
  }
  const answer = await get('get?key=a')
  const body = answer.json() as { readonly request_id: string }
  expect([answer.status, body]).toEqual([
    500,
    expect.objectContaining({ error_type: 'RECORD_CORRUPT', message: 'Internal Server Error' }),
  ])
  expect(logged).toEqual([expect.objectContaining({ requestId: body.request_id, err: failure, route: 'value.get' })])
  node.state.reader.get = () => {
    throw new TypeError('x is undefined')
  }
  expect((await get('get?key=a')).json()).toMatchObject({ error_type: 'INTERNAL', message: 'Internal Server Error' })
})

test('the access log holds no token, query or body', async () => {
  const lines: string[] = []
  const write = (fields: LogFields, message: string): void => {
    lines.push(JSON.stringify({ ...fields, message }))
  }
  const log = { debug: write, info: write, warn: write, error: write, child: () => log }
  node = await HttpNode.start({ log, logLevel: { level: 'debug', setLevel: () => {} } })
  await get('get?key=very-private')
  await post('set', { key: 'very-private', value: 'very-private' })
  await node.call('public', '/db/api/v1/get?key=very-private', { token: 'very-private' })
  expect(lines).toHaveLength(3)
  expect(lines.join('\n')).not.toContain('very-private')
  expect(lines.join('\n')).not.toContain(ROOT_KEY)
  expect(lines[0]).toContain('"path":"/db/api/v1/get"')
})

describe('a listener', () => {
  test('answers what is no request with the same kind of error', async () => {
    node = await HttpNode.start()
    const [head, body] = (await raw('NONSENSE\r\n\r\n')).split('\r\n\r\n')
    expect(head).toContain('HTTP/1.1 400 Bad Request')
    expect(JSON.parse(body ?? '')).toMatchObject({ error_type: 'BAD_REQUEST', hint: expect.any(String) })
  })

  test('takes a whole URL as the target of a request, as a client behind a proxy sends it', async () => {
    node = await HttpNode.start()
    const head = `HTTP/1.1\r\nHost: x\r\nAuthorization: ${ROOT_KEY}\r\n\r\n`
    expect(await raw(`GET http://x:80/db/api/v1/get?key=absent ${head}`, 'KEY_NOT_FOUND')).toContain('HTTP/1.1 404 ')
    expect(await raw(`GET http://x?/db/api/v1/get ${head}`, 'ROUTE_NOT_FOUND')).toContain('HTTP/1.1 404 ')
  })

  test('takes a key of full length in a URL and refuses endless headers with 431', async () => {
    node = await HttpNode.start()
    const key = '%E2%82%AC'.repeat(10_922)
    expect((await get(`get?key=${key}`)).status).toBe(404)
    const received = await raw(`GET /db/api/v1/ping HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(300 * 1024)}\r\n\r\n`)
    expect(received).toContain('HTTP/1.1 431 ')
    expect(received).toContain('HEADERS_TOO_LARGE')
    expect((await get('ping')).status).toBe(200)
  })

  test('answers 408 to a request that does not arrive', async () => {
    node = await HttpNode.start({ config: 'limits: { headersTimeout: 1s, requestTimeout: 1s }' })
    const received = await raw(
      `POST /db/api/v1/set HTTP/1.1\r\nHost: x\r\nAuthorization: ${ROOT_KEY}\r\nContent-Length: 10\r\n\r\n{`,
    )
    expect(received).toContain('HTTP/1.1 408 ')
    expect(received).toContain('REQUEST_TIMEOUT')
  })

  test('refuses a body that is declared or turns out to be too large, and lives on', async () => {
    node = await HttpNode.start({ config: 'limits: { bodySizeMax: 1000, valueSizeMax: 500 }' })
    const large = 'x'.repeat(200_000)
    expect((await post('set', large)).json()).toMatchObject({ error_type: 'BODY_TOO_LARGE' })
    const head = `POST /db/api/v1/set HTTP/1.1\r\nHost: x\r\nAuthorization: ${ROOT_KEY}\r\n`
    const chunk = `${(1500).toString(16)}\r\n${'x'.repeat(1500)}\r\n`
    expect(await raw(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk}${chunk}0\r\n\r\n`, 'BODY_TOO_LARGE')).toContain(
      '413',
    )
    const huge = await raw(`${head}Content-Length: 1000000000\r\n\r\nxxx`)
    expect(huge).toContain('HTTP/1.1 413 ')
    expect(huge).toContain('Connection: close')
    expect((await post('set', { key: 'a', value: '1' })).status).toBe(200)
  })

  test('does not read the body of a caller that it does not know', async () => {
    node = await HttpNode.start()
    const received = await raw(
      'POST /db/api/v1/set HTTP/1.1\r\nHost: x\r\nAuthorization: nobody\r\nContent-Length: 1000\r\n\r\n{',
      'AUTHENTICATION_FAILED',
    )
    expect(received).toContain('HTTP/1.1 401 ')
  })

  test('survives a client that leaves in the middle of its body', async () => {
    node = await HttpNode.start()
    const socket = net.connect(node.port('public'), '127.0.0.1')
    socket.write(
      `POST /db/api/v1/set HTTP/1.1\r\nHost: x\r\nAuthorization: ${ROOT_KEY}\r\nContent-Length: 1000\r\n\r\n{"key":`,
    )
    const { server } = node.listeners.public
    await eventually('the connection is open', () => (server.connectionCount === 1 ? true : undefined))
    socket.destroy()
    await eventually('the connection is gone', () => (server.connectionCount === 0 ? true : undefined))
    expect(await node.metrics.text()).toContain('insi_http_requests_total{route="value.set",status="4xx"} 1\n')
    expect((await get('ping')).status).toBe(200)
  })

  describe('whose client does not read its answers', () => {
    const VALUE_BYTES = 1024 * 1024
    const COUNT = 40
    const request = `GET /db/api/v1/get?key=a HTTP/1.1\r\nHost: x\r\nAuthorization: ${ROOT_KEY}\r\n\r\n`
    const start = async (): Promise<void> => {
      node = await HttpNode.start({ config: 'limits: { answerTimeout: 500ms }' })
      expect((await post('set', { key: 'a', value: 'x'.repeat(VALUE_BYTES) })).status).toBe(200)
    }

    test('cuts the connection', async () => {
      await start()
      const socket = net.connect(node.port('public'), '127.0.0.1')
      const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()))
      socket.on('error', () => {})
      socket.pause()
      socket.write(request.repeat(COUNT))
      const { server } = node.listeners.public
      // Besides this one there is that of the agent, which is idle.
      await eventually('the connection is open', () => (server.connectionCount === 2 ? true : undefined))
      await eventually('the connection is cut', () => (server.connectionCount === 1 ? true : undefined))
      socket.destroy()
      await closed
    })

    test('lets it be slow as long as it goes on reading', async () => {
      await start()
      const socket = net.connect(node.port('public'), '127.0.0.1')
      let readBytes = 0
      const startedMs = performance.now()
      socket.on('data', (chunk: Buffer) => {
        readBytes += chunk.length
        socket.pause()
        setTimeout(() => socket.resume(), 2)
      })
      socket.write(request.repeat(COUNT))
      await eventually('all is read', () => (readBytes > COUNT * VALUE_BYTES ? true : undefined), { timeoutMs: 30_000 })
      expect(performance.now() - startedMs).toBeGreaterThan(1_000)
      socket.destroy()
    })
  })

  test('carries out only so many requests of a connection at a time, and refuses what is sent further ahead', async () => {
    node = await HttpNode.start()
    const barrier = Promise.withResolvers<void>()
    let waiting = 0
    node.replicator.readBarrier = () => {
      waiting += 1
      return barrier.promise
    }
    const request = `GET /db/api/v1/get?key=a HTTP/1.1\r\nHost: x\r\nAuthorization: ${ROOT_KEY}\r\n\r\n`
    const received = raw(request.repeat(PIPELINED_REQUESTS_MAX + 50))
    await eventually('the first ones wait', () => (waiting === PIPELINED_REQUESTS_MAX ? true : undefined))
    expect((await node.call('public', '/db/api/v1/ping', { token: ROOT_KEY })).status).toBe(200)
    barrier.resolve()
    const answers = (await received).split('HTTP/1.1 ').slice(1)
    expect(answers.map((answer) => answer.slice(0, 3))).toEqual([
      ...Array<string>(PIPELINED_REQUESTS_MAX).fill('404'),
      '503',
    ])
    expect(answers.at(-1)).toContain('"error_type":"OVERLOADED"')
    expect(waiting).toBe(PIPELINED_REQUESTS_MAX)
  })

  test('serves a connection whose requests come ahead for as long as it likes', async () => {
    node = await HttpNode.start()
    const request = `GET /db/api/v1/ping HTTP/1.1\r\nHost: x\r\nAuthorization: ${ROOT_KEY}\r\n\r\n`
    const socket = net.connect(node.port('public'), '127.0.0.1')
    let received = ''
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')))
    for (let round = 1; round <= 5; round += 1) {
      socket.write(request.repeat(PIPELINED_REQUESTS_MAX / 2))
      const count = (round * PIPELINED_REQUESTS_MAX) / 2
      await eventually('a round is answered', () => (received.split('HTTP/1.1 200').length > count ? true : undefined))
    }
    socket.destroy()
  })

  test('that stops lets a request under way finish, closes its connection and takes no new one', async () => {
    node = await HttpNode.start()
    const barrier = Promise.withResolvers<void>()
    const entered = Promise.withResolvers<void>()
    node.replicator.readBarrier = () => {
      entered.resolve()
      return barrier.promise
    }
    const answer = get('get?key=a')
    await entered.promise
    const stopped = node.listeners.public.server.stop()
    await expect(get('ping')).rejects.toThrow()
    barrier.resolve()
    expect((await answer).status).toBe(404)
    await stopped
  })

  test('that stops cuts what does not finish in time', async () => {
    node = await HttpNode.start({ config: 'limits: { drainTimeout: 100ms }' })
    const entered = Promise.withResolvers<void>()
    node.replicator.readBarrier = () => {
      entered.resolve()
      return new Promise(() => {})
    }
    const answer = get('get?key=a')
    const refused = answer.then(
      () => false,
      () => true,
    )
    await entered.promise
    await node.listeners.public.server.stop()
    expect(await refused).toBe(true)
  })
})

describe('the address filter', () => {
  const ping = async (listener: 'public' | 'private', headers: Record<string, string> = {}): Promise<number> => {
    const path = listener === 'public' ? '/db/api/v1/ping' : '/livez'
    return (await node.call(listener, path, { token: ROOT_KEY, headers })).status
  }

  test('without a list lets everyone in', async () => {
    node = await HttpNode.start()
    expect([await ping('public'), await ping('private')]).toEqual([200, 200])
  })

  test('with networks lets only those in, after the 404 and before the token', async () => {
    node = await HttpNode.start({ config: 'permittedIPs: [10.0.0.0/8]' })
    const answer = await node.call('public', '/db/api/v1/ping')
    expect([answer.status, answer.json()]).toEqual([
      403,
      expect.objectContaining({ error_type: 'ADDRESS_NOT_PERMITTED', message: 'Forbidden' }),
    ])
    expect(await ping('private')).toBe(403)
    expect((await node.call('public', '/nowhere')).status).toBe(404)
    expect((await node.call('ops', '/livez')).status).toBe(200)
  })

  test('believes X-Forwarded-For of trusted proxies only, from the right', async () => {
    node = await HttpNode.start({ config: 'permittedIPs: [10.0.0.0/8]\ntrustedProxies: [127.0.0.1]' })
    expect(await ping('public', { 'X-Forwarded-For': '10.1.2.3' })).toBe(200)
    expect(await ping('public', { 'X-Forwarded-For': '203.0.113.1, 10.1.2.3' })).toBe(200)
    expect(await ping('public', { 'X-Forwarded-For': '10.1.2.3, 203.0.113.1' })).toBe(403)
    await node.stop()
    node = await HttpNode.start({ config: 'permittedIPs: [10.0.0.0/8]\ntrustedProxies: []' })
    expect(await ping('public', { 'X-Forwarded-For': '10.1.2.3' })).toBe(403)
  })

  test('takes * for everyone on the public listener only', async () => {
    node = await HttpNode.start({ config: "permittedIPs: ['*']" })
    expect([await ping('public'), await ping('private')]).toEqual([200, 403])
  })
})
