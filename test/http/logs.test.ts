// What a node logs about its requests: enough to follow one, never a secret, and not more than a disk can take.
import { createLog } from '../../src/logging/pino-log.ts'
import { LOG_LEVELS } from '../../src/base/log.ts'
import type { AdjustableLog, LogLevel } from '../../src/base/log.ts'
import { ROUTES } from '../../src/contract/routes.ts'
import { ACCESS_LINES_PER_SECOND_MAX } from '../../src/contract/limits.ts'
import { HttpNode, ROOT_KEY, SECRET } from '../support/http-node.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

interface Line {
  readonly level: string
  readonly msg: string
  readonly requestId?: string
  readonly path?: string
  readonly entity?: string
  readonly skipped?: number
}

interface Logged {
  readonly log: AdjustableLog
  readonly text: () => string
  readonly lines: () => Line[]
}

/** No secret is known to the log, so that nothing is hidden by its redaction of exact values. */
async function logAt(level: LogLevel, format: 'json' | 'pretty' = 'json'): Promise<Logged> {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const log = await createLog({ level, format, colour: false, secrets: [], destination })
  return {
    log,
    text: () => lines.join(''),
    lines: () => lines.map((line) => JSON.parse(line) as Line),
  }
}

async function startAt(level: LogLevel, clock?: VirtualClock): Promise<Logged & { readonly node: HttpNode }> {
  const logged = await logAt(level)
  const node = await HttpNode.start({
    log: logged.log,
    logLevel: logged.log,
    ...(clock === undefined ? {} : { clock }),
  })
  return { ...logged, node }
}

test.each(LOG_LEVELS.flatMap((level) => [[level, 'json'] as const, [level, 'pretty'] as const]))(
  'at level %s no line of the %s log holds a token, a secret or what a caller stores',
  async (level, format) => {
    const { log, text } = await logAt(level, format)
    const node = await HttpNode.start({ log, logLevel: log })
    const token = await node.createKey('canary-name')
    const alias = (
      (await node.call('public', '/db/api/v1/alias/set', { token, method: 'POST' })).json() as { alias: string }
    ).alias
    for (const { listener, path, methods, stream, name } of ROUTES) {
      if (stream === true || name === 'cluster.leaveGate' || name === 'join' || name === 'admin.log.set') continue
      for (const method of methods) {
        const query = `?key=canary-key&prefix=canary-key&token=${token}&root_api_key=${encodeURIComponent(ROOT_KEY)}`
        const body = { key: 'canary-key', value: 'canary-value', topic: 'canary-topic', data: 'canary-value', alias }
        for (const key of [token, alias, `${token}x`, ROOT_KEY, SECRET]) {
          const sent = method === 'POST' ? body : undefined
          await node.call(listener, path + query, { token: key, method, body: sent, headers: { cookie: token } })
        }
      }
    }
    node.replicator.refuseWith('OUTCOME_UNKNOWN')
    await node.call('public', '/db/api/v1/set', { token, body: { key: 'canary-key', value: 'canary-value' } })
    await node.call('public', `/nowhere/${token}?token=${ROOT_KEY}`, { token })
    await node.stop()
    for (const secret of [token, alias, ROOT_KEY, SECRET, 'canary']) {
      const at = text().indexOf(secret)
      expect(at === -1 ? '' : text().slice(Math.max(0, at - 200), at + 100)).toBe('')
    }
    expect(text().includes('request')).toBe(level !== 'error')
  },
)

test('a line says which request of which entity it was, so that the caller can be told what happened', async () => {
  const { lines, node } = await startAt('info')
  const token = await node.createKey()
  const answer = await node.call('public', '/db/api/v1/get?key=a', { token, headers: { 'x-request-id': 'mine-1' } })
  expect(answer.status).toBe(404)
  const line = lines().find(({ requestId }) => requestId === 'mine-1')
  expect(line).toMatchObject({ level: 'info', method: 'GET', path: '/db/api/v1/get', status: 404, client: '127.0.0.1' })
  const entities = (await node.call('private', '/db/api/v1/admin/insight/entities', { token: ROOT_KEY })).json() as {
    readonly entities: readonly { readonly key_uuid: string }[]
  }
  expect(line?.entity).toBe(entities.entities[0]?.key_uuid)
  expect(lines().find(({ path }) => path?.includes('insight') === true)?.entity).toBe('root')
  await node.stop()
})

test('of many requests a second only so many get a line, and the next line says how many had none', async () => {
  const clock = new VirtualClock()
  const { lines, node } = await startAt('info', clock)
  for (let count = 0; count < ACCESS_LINES_PER_SECOND_MAX + 7; count += 1) await node.call('public', '/nowhere')
  expect(lines().filter(({ path }) => path === '/nowhere')).toHaveLength(ACCESS_LINES_PER_SECOND_MAX)
  clock.advance(1_000)
  await node.call('public', '/nowhere')
  expect(lines().at(-1)).toMatchObject({ path: '/nowhere', skipped: 7 })
  await node.call('public', '/nowhere')
  expect(lines().at(-1)).not.toHaveProperty('skipped')
  await node.stop()
})

test('probes and scrapes are logged at debug only', async () => {
  const { lines, node } = await startAt('info')
  for (const path of ['/livez', '/metrics']) await node.call('ops', path)
  expect(lines().filter(({ msg }) => msg === 'request')).toEqual([])
  await node.call('private', '/db/api/v1/admin/log/set', { token: ROOT_KEY, body: { level: 'debug' } })
  await node.call('ops', '/livez')
  expect(lines().at(-1)).toMatchObject({ level: 'debug', path: '/livez' })
  await node.stop()
})

test('root sees and changes the level of a node while it runs', async () => {
  const { lines, node } = await startAt('warn')
  const get = () => node.call('private', '/db/api/v1/admin/log/get', { token: ROOT_KEY })
  expect((await get()).json()).toEqual({ node_id: 'node0', level: 'warn' })
  await node.call('public', '/nowhere')
  expect(lines()).toEqual([])
  const set = await node.call('private', '/db/api/v1/admin/log/set', { token: ROOT_KEY, body: { level: 'info' } })
  expect([set.status, set.json()]).toEqual([200, { node_id: 'node0', level: 'info' }])
  expect(lines()[0]).toMatchObject({ level: 'warn', from: 'warn', to: 'info', msg: 'log level changed' })
  expect((await get()).json()).toEqual({ node_id: 'node0', level: 'info' })
  await node.call('public', '/nowhere')
  expect(lines().at(-1)).toMatchObject({ level: 'info', path: '/nowhere' })
  const token = await node.createKey()
  const refused = await node.call('private', '/db/api/v1/admin/log/set', { token, body: { level: 'error' } })
  expect([refused.status, (await get()).json()]).toEqual([401, { node_id: 'node0', level: 'info' }])
  expect((await node.call('public', '/db/api/v1/admin/log/set', { token: ROOT_KEY, body: {} })).status).toBe(404)
  await node.stop()
})
