// One container of the image: quick start, data that outlives it, and how it behaves as a container.
import { eventually } from '../support/eventually.ts'
import { ContainerCluster, docker, requireImage } from './insi-container.ts'

requireImage()

const TEST_TIMEOUT_MS = 120_000
const VALUE_BYTES = 100 * 1024
const VALUE_COUNT = 1500
const cluster = new ContainerCluster(1)
const inspect = (format: string): string => docker('inspect', '--format', format, cluster.container('node0').getId())

const read = async (key: string, apiKey?: string): Promise<unknown> =>
  (await cluster.call('node0', `/db/api/v1/get?key=${key}`, undefined, apiKey)).json()
const isBack = (): Promise<true> =>
  eventually('the node answers', async () => ((await cluster.call('node0', '/db/api/v1/ping')).ok ? true : undefined), {
    timeoutMs: 30_000,
  })

beforeAll(() => cluster.start(), TEST_TIMEOUT_MS)
afterAll(() => cluster.destroy(), TEST_TIMEOUT_MS)

test('the quick start works by HTTP, with a key that insic of the image makes', async () => {
  const made = await cluster
    .container('node0')
    .exec(['insic', '--config', '/etc/insi/cluster.yaml', 'admin', 'create-key', 'myapp'])
  const apiKey = /insi_\S+/.exec(made.stdout)?.[0]
  expect({ exitCode: made.exitCode, hasKey: apiKey !== undefined }).toEqual({ exitCode: 0, hasKey: true })
  expect((await cluster.call('node0', '/db/api/v1/set', { key: 'user', value: 'Alice' }, apiKey)).status).toBe(200)
  expect(await read('user', apiKey)).toEqual({ data: 'Alice' })
})

test('it runs as a numeric user that is not root, on a file system that is read-only', async () => {
  const container = cluster.container('node0')
  expect((await container.exec(['id', '-u'])).output.trim()).toBe('65532')
  expect((await container.exec(['sh', '-c', 'touch /app/x'])).output).toContain('Read-only file system')
  expect(inspect('{{.Config.User}} {{.HostConfig.ReadonlyRootfs}}')).toBe('65532:65532 true')
})

test(
  'its health check finds it healthy',
  async () => {
    await eventually('healthy', () => (inspect('{{.State.Health.Status}}') === 'healthy' ? true : undefined), {
      timeoutMs: 45_000,
    })
  },
  TEST_TIMEOUT_MS,
)

test(
  'within its memory limit it takes more data than it has memory for half of',
  async () => {
    const value = 'x'.repeat(VALUE_BYTES)
    let next = 0
    const writers = Array.from({ length: 4 }, async () => {
      for (let at = next++; at < VALUE_COUNT; at = next++) {
        expect((await cluster.call('node0', '/db/api/v1/set', { key: `big-${at}`, value })).status).toBe(200)
      }
    })
    await Promise.all(writers)
    expect(inspect('{{.State.OOMKilled}} {{.RestartCount}} {{.State.Running}}')).toBe('false 0 true')
    expect(await read(`big-${VALUE_COUNT - 1}`)).toEqual({ data: value })
  },
  TEST_TIMEOUT_MS,
)

test(
  'data outlives a restart and a kill of the container',
  async () => {
    const { status } = await cluster.call('node0', '/db/api/v1/set', { key: 'kept', value: 'yes' })
    expect(status).toBe(200)
    docker('restart', cluster.container('node0').getId())
    await isBack()
    expect(await read('kept')).toEqual({ data: 'yes' })
    docker('kill', cluster.container('node0').getId())
    docker('start', cluster.container('node0').getId())
    await isBack()
    expect(await read('kept')).toEqual({ data: 'yes' })
  },
  TEST_TIMEOUT_MS,
)

test(
  'SIGTERM ends it with exit code 0, in time',
  () => {
    const start = performance.now()
    docker('stop', '--time', '30', cluster.container('node0').getId())
    expect(inspect('{{.State.ExitCode}}')).toBe('0')
    expect(performance.now() - start).toBeLessThan(15_000)
  },
  TEST_TIMEOUT_MS,
)
