// Which versions the chart lets follow the one that runs, as the API server tells it.
import { randomUUID } from 'node:crypto'
import { CHART, helm, kubectl, requireCluster, run } from './cluster-tools.ts'

requireCluster()

const TEST_TIMEOUT_MS = 60_000
const namespace = `insi-versions-${randomUUID().slice(0, 8)}`

function runningSet(tag: string): unknown {
  const labels = { app: 'a' }
  const containers = [{ name: 'insi', image: `registry.example.org:5000/insi:${tag}` }]
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'insi', namespace },
    spec: {
      replicas: 0,
      serviceName: 'insi',
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
    },
  }
}

async function renderOver(running: string, next: string, ...more: string[]): Promise<string> {
  await run('kubectl', ['apply', '--filename', '-'], JSON.stringify(runningSet(running)))
  const values = ['secret.existingSecret=given', `image.tag=${next}`, ...more].flatMap((value) => ['--set', value])
  const words = ['--namespace', namespace, '--dry-run=server', '--kube-version', '1.34.0']
  return helm('template', 'insi', CHART, ...words, ...values)
}

beforeAll(() => kubectl('create', 'namespace', namespace), TEST_TIMEOUT_MS)
afterAll(() => kubectl('delete', 'namespace', namespace, '--wait=false'), TEST_TIMEOUT_MS)

test.each([
  ['0.1.0', '0.1.1'],
  ['0.1.1', '0.1.0'],
  ['v0.1.0', '0.2.0-next'],
  ['0.1.0', 'a-branch'],
  ['a-branch', '0.9.0'],
])(
  'over %s, %s is rendered',
  async (running, next) => {
    expect(await renderOver(running, next)).toContain(`insi:${next}`)
  },
  TEST_TIMEOUT_MS,
)

test.each([
  ['0.1.0', '0.3.0', /upgrade through each of those between/],
  ['0.1.0', '1.0.0', /is not one minor version/],
  ['0.2.0', '0.1.0', /go back by helm rollback/],
])(
  'over %s, %s is refused with what to do, unless it is asked for by allowVersionJump',
  async (running, next, reason) => {
    await expect(renderOver(running, next)).rejects.toThrow(reason)
    expect(await renderOver(running, next, 'allowVersionJump=true')).toContain(`insi:${next}`)
  },
  TEST_TIMEOUT_MS,
)
