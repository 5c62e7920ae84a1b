// Which failures are repeated, where, and what a caller is told when nothing helps.
import { connect } from '../../../src/client/client.ts'
import type { InsiClient } from '../../../src/client/client.ts'
import { ClientError } from '../../../src/client/errors.ts'
import type { ClientOptions } from '../../../src/client/options.ts'
import { ScriptedServer, apiError, closedPort, empty, inTurn, json } from './scripted-server.ts'
import type { Script } from './scripted-server.ts'

const QUICK = { roundsMax: 3, backoffMinMs: 1, backoffMaxMs: 2, retryAfterMaxMs: 50 }
const VALUE = json({ data: 'v' })

const open: (ScriptedServer | InsiClient)[] = []

async function serve(script: Script): Promise<ScriptedServer> {
  const server = await ScriptedServer.start(script)
  open.push(server)
  return server
}

function clientOf(urls: readonly string[], options: Partial<ClientOptions> = {}): InsiClient {
  const client = connect(urls, 'insi_key', { retry: QUICK, timeoutMs: 300, ...options })
  open.push(client)
  return client
}

afterEach(async () => {
  for (const one of open.splice(0)) await (one instanceof ScriptedServer ? one.stop() : one.close())
})

describe('on one node', () => {
  test.each(['NO_LEADER', 'OVERLOADED', 'NODE_STOPPING', 'READ_TIMEOUT'] as const)(
    'a read that is answered %s is repeated',
    async (code) => {
      const server = await serve(inTurn(apiError(code), apiError(code), VALUE))
      expect(await clientOf([server.url]).values.get('k')).toBe('v')
      expect(server.requests).toHaveLength(3)
    },
  )

  test.each(['NO_LEADER', 'OVERLOADED', 'NODE_STOPPING'] as const)(
    'a write that is answered %s changed nothing and is repeated, even a bump',
    async (code) => {
      const server = await serve(inTurn(apiError(code), json({ data: '1' })))
      expect(await clientOf([server.url]).values.bump('k', 1)).toBe(1n)
      expect(server.requests).toHaveLength(2)
    },
  )

  test.each([
    ['a bump', (client: InsiClient) => client.values.bump('k', 1)],
    ['a set', (client: InsiClient) => client.values.set('k', 'v')],
  ])('%s whose outcome is unknown is not repeated', async (_name, call) => {
    const server = await serve(() => apiError('OUTCOME_UNKNOWN'))
    await expect(call(clientOf([server.url]))).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    expect(server.requests).toHaveLength(1)
  })

  test.each(['drop', 'hang'] as const)('a write whose answer is lost (%s) is OUTCOME_UNKNOWN', async (way) => {
    const server = await serve(() => way)
    const failure = clientOf([server.url]).values.set('k', 'v')
    await expect(failure).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    await expect(failure).rejects.toThrow(/^http request POST http:\/\/127\.0\.0\.1:\d+\/db\/api\/v1\/set failed: /)
    expect(server.requests).toHaveLength(1)
  })

  test.each([502, 503, 504])('a write for which a proxy answers %i is OUTCOME_UNKNOWN', async (status) => {
    const server = await serve(() => ({ status, text: 'Bad Gateway' }))
    await expect(clientOf([server.url]).values.set('k', 'v')).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    expect(server.requests).toHaveLength(1)
  })

  test.each(['drop', 'hang'] as const)('a read whose answer is lost (%s) is repeated', async (way) => {
    const server = await serve(inTurn(way, VALUE))
    expect(await clientOf([server.url]).values.get('k')).toBe('v')
    expect(server.requests).toHaveLength(2)
  })

  test('a read that is never answered is TIMED_OUT after all rounds', async () => {
    const server = await serve(() => 'hang')
    const client = clientOf([server.url], { timeoutMs: 30 })
    await expect(client.values.get('k')).rejects.toMatchObject({ code: 'TIMED_OUT' })
    expect(server.requests).toHaveLength(QUICK.roundsMax)
  })

  test.each(['KEY_EXISTS', 'AUTHENTICATION_FAILED', 'VALUE_TOO_LARGE', 'INTERNAL', 'DISK_LIMIT_EXCEEDED'] as const)(
    '%s is the answer and is not asked for again',
    async (code) => {
      const server = await serve(() => apiError(code))
      await expect(clientOf([server.url]).values.setnx('k', 'v')).rejects.toMatchObject({ code })
      expect(server.requests).toHaveLength(1)
    },
  )

  test('no repetition starts after the total time', async () => {
    const server = await serve(() => apiError('NO_LEADER'))
    const client = clientOf([server.url], {
      totalTimeoutMs: 20,
      retry: { ...QUICK, roundsMax: 1000, backoffMinMs: 15, backoffMaxMs: 15 },
    })
    await expect(client.values.get('k')).rejects.toMatchObject({ code: 'NO_LEADER' })
    expect(server.requests.length).toBeLessThan(5)
  })

  test('an abort ends the call with its reason, also while it waits to repeat', async () => {
    const controller = new AbortController()
    const server = await serve(() => {
      setImmediate(() => controller.abort(new Error('enough')))
      return apiError('NO_LEADER')
    })
    const client = clientOf([server.url], {
      retry: { ...QUICK, backoffMinMs: 60_000, backoffMaxMs: 60_000 },
      totalTimeoutMs: 600_000,
    })
    await expect(client.values.get('k', { signal: controller.signal })).rejects.toThrow('enough')
  })

  test('a closed client fails its calls', async () => {
    const server = await serve(() => VALUE)
    const client = clientOf([server.url])
    client.close()
    await expect(client.values.get('k')).rejects.toMatchObject({ code: 'CLIENT_CLOSED' })
  })
})

describe('rate limits', () => {
  const limited = (retryAfter: string) =>
    apiError('RATE_LIMITED', {
      headers: { 'retry-after': retryAfter, 'x-ratelimit-limit': '0.5', 'x-ratelimit-burst': '5' },
    })

  test('the stated time is waited for before a repetition', async () => {
    const server = await serve(inTurn(limited('0.04'), VALUE))
    const startedAtMs = performance.now()
    expect(await clientOf([server.url]).values.get('k')).toBe('v')
    expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(39)
  })

  test('a wait that is longer than allowed is an error that says what the server said', async () => {
    const server = await serve(() => limited('7'))
    const failure = await clientOf([server.url])
      .values.get('k')
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ClientError)
    expect(failure).toMatchObject({
      code: 'RATE_LIMITED',
      facts: { status: 429, retryAfterMs: 7_000, rateLimit: { limit: 0.5, burst: 5 }, requestId: 'req-1' },
    })
    expect(server.requests).toHaveLength(1)
  })

  test('another node is not asked instead: the limit holds everywhere', async () => {
    const first = await serve(() => limited('7'))
    const second = await serve(() => VALUE)
    await expect(clientOf([first.url, second.url]).values.get('k')).rejects.toMatchObject({ code: 'RATE_LIMITED' })
    expect(second.requests).toEqual([])
  })
})

describe('on several nodes', () => {
  test('a node that cannot be reached is passed over, for writes too, and not tried first again', async () => {
    const closed = `http://127.0.0.1:${await closedPort()}`
    const second = await serve(() => json({ data: '1' }))
    const client = clientOf([closed, second.url])
    expect(await client.values.bump('k', 1)).toBe(1n)
    expect(await client.values.bump('k', 1)).toBe(1n)
    expect(second.requests).toHaveLength(2)
  })

  test('of three nodes the one that worked stays the first, also when what it answered is an error', async () => {
    const [first, second] = [await serve(() => apiError('NO_LEADER')), await serve(() => apiError('NO_LEADER'))]
    const third = await serve(inTurn(apiError('KEY_EXISTS'), empty()))
    const client = clientOf([first.url, second.url, third.url])
    await expect(client.values.setnx('k', 'v')).rejects.toMatchObject({ code: 'KEY_EXISTS' })
    await client.values.set('k', 'v')
    expect([first, second, third].map((server) => server.requests.length)).toEqual([1, 1, 2])
  })

  test('after a write whose outcome one node left unknown, the next call goes to another', async () => {
    const first = await serve(() => 'drop')
    const second = await serve(() => empty())
    const client = clientOf([first.url, second.url])
    await expect(client.values.set('k', 'v')).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    await client.values.set('k', 'v')
    expect([first.requests.length, second.requests.length]).toEqual([1, 1])
  })

  test('a node without a leader is passed over', async () => {
    const first = await serve(() => apiError('NO_LEADER'))
    const second = await serve(() => empty())
    await clientOf([first.url, second.url]).values.set('k', 'v')
    expect([first.requests.length, second.requests.length]).toEqual([1, 1])
  })

  test('a write whose answer one node lost is not sent to another', async () => {
    const first = await serve(() => 'drop')
    const second = await serve(() => empty())
    await expect(clientOf([first.url, second.url]).values.set('k', 'v')).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
    })
    expect(second.requests).toEqual([])
  })

  test('a read that one node does not answer goes to another', async () => {
    const first = await serve(() => 'hang')
    const second = await serve(() => VALUE)
    expect(await clientOf([first.url, second.url], { timeoutMs: 50 }).values.get('k')).toBe('v')
  })

  test('when none helps, what a node said is told rather than that another was unreachable', async () => {
    const first = await serve(() => apiError('NO_LEADER'))
    const closed = `http://127.0.0.1:${await closedPort()}`
    await expect(clientOf([first.url, closed]).values.get('k')).rejects.toMatchObject({ code: 'NO_LEADER' })
  })

  test('when nobody can be reached the error is UNREACHABLE and names address and cause', async () => {
    const closed = `http://127.0.0.1:${await closedPort()}`
    const failure = clientOf([closed]).values.set('k', 'v')
    await expect(failure).rejects.toMatchObject({ code: 'UNREACHABLE' })
    await expect(failure).rejects.toThrow(/failed: connect ECONNREFUSED/)
  })
})
