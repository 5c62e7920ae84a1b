// One container of the image: quick start, data that outlives it, and how it behaves as a container.
import { eventually } from '../support/eventually.ts'
import { ContainerCluster, MEMORY_LIMIT_GIB, docker, requireImage } from './insi-container.ts'

requireImage()

const TEST_TIMEOUT_MS = 120_000
const VALUE_BYTES = 100 * 1024
const VALUE_COUNT = 1500
/** Of what the image adds to its base. */
const COMPRESSED_BYTES_MAX = 90_000_000
const cluster = new ContainerCluster(1)
const inspect = (format: string): Promise<string> =>
  docker('inspect', '--format', format, cluster.container('node0').getId())

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
  expect(await inspect('{{.Config.User}} {{.HostConfig.ReadonlyRootfs}}')).toBe('65532:65532 true')
})

test('its heap is bounded by the memory limit of the container, not by the memory of the machine', async () => {
  const [flag = ''] = /--max-old-space-size-percentage=\d+/.exec(await inspect('{{.Config.Entrypoint}}')) ?? []
  const limit = ['node', flag, '--print', 'v8.getHeapStatistics().heap_size_limit']
  const heapBytes = Number((await cluster.container('node0').exec(limit)).stdout)
  const memoryBytes = MEMORY_LIMIT_GIB * 2 ** 30
  expect(flag).not.toBe('')
  expect(heapBytes).toBeGreaterThan(memoryBytes / 2)
  expect(heapBytes).toBeLessThan(memoryBytes * 0.9)
})

test('what it adds to its base is small', async () => {
  const command = 'tar -cf - /app /usr/local/bin/insi* 2>/dev/null | gzip | wc -c'
  const { stdout } = await cluster.container('node0').exec(['sh', '-c', command])
  process.stdout.write(`the image adds ${stdout.trim()} bytes, compressed\n`)
  expect(Number(stdout)).toBeGreaterThan(1_000_000)
  expect(Number(stdout)).toBeLessThan(COMPRESSED_BYTES_MAX)
})

test('what it is made of is told by its labels', async () => {
  const labels = JSON.parse(await inspect('{{json .Config.Labels}}')) as Record<string, string>
  for (const name of ['title', 'description', 'licenses', 'version', 'revision', 'created']) {
    expect(labels[`org.opencontainers.image.${name}`]).toMatch(/\S/)
  }
})

test(
  'its health check finds it healthy',
  async () => {
    await eventually(
      'healthy',
      async () => ((await inspect('{{.State.Health.Status}}')) === 'healthy' ? true : undefined),
      {
        timeoutMs: 45_000,
      },
    )
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
    expect(await inspect('{{.State.OOMKilled}} {{.RestartCount}} {{.State.Running}}')).toBe('false 0 true')
    expect(await read(`big-${VALUE_COUNT - 1}`)).toEqual({ data: value })
  },
  TEST_TIMEOUT_MS,
)

test(
  'data outlives a restart and a kill of the container',
  async () => {
    const { status } = await cluster.call('node0', '/db/api/v1/set', { key: 'kept', value: 'yes' })
    expect(status).toBe(200)
    await docker('restart', cluster.container('node0').getId())
    await isBack()
    expect(await read('kept')).toEqual({ data: 'yes' })
    await docker('kill', cluster.container('node0').getId())
    await docker('start', cluster.container('node0').getId())
    await isBack()
    expect(await read('kept')).toEqual({ data: 'yes' })
  },
  TEST_TIMEOUT_MS,
)

test(
  'SIGTERM ends it with exit code 0, in time',
  async () => {
    const start = performance.now()
    await docker('stop', '--time', '30', cluster.container('node0').getId())
    expect(await inspect('{{.State.ExitCode}}')).toBe('0')
    expect(performance.now() - start).toBeLessThan(15_000)
  },
  TEST_TIMEOUT_MS,
)
