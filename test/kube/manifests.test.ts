// The plain manifests on a real Kubernetes: `kubectl apply` gives a cluster.
import { readFileSync } from 'node:fs'
import { MANIFESTS } from '../../scripts/generate-chart-manifests.ts'
import { IMAGE, kubectl, requireCluster, run } from './cluster-tools.ts'

requireCluster()

const TEST_TIMEOUT_MS = 180_000

beforeAll(async () => {
  // Refused when it exists: this suite removes the namespace of the manifests, which may hold somebody's data.
  await kubectl('create', 'namespace', 'insi')
}, TEST_TIMEOUT_MS)

afterAll(async () => {
  // First: while the reconciler can tell them that all of them go, pods do not wait for each other.
  await kubectl('-n', 'insi', 'delete', 'statefulset', 'insi', '--cascade=foreground', '--wait=true', '--timeout=120s')
  await kubectl('delete', 'namespace', 'insi', '--wait=true', '--timeout=120s')
}, TEST_TIMEOUT_MS)

test(
  'kubectl apply of k8s/insi.yaml and a secret give three ready nodes that keep a value',
  async () => {
    const secret = `instanceSecret=${Buffer.from('not a secret of anybody, of a test').toString('base64')}`
    await kubectl('-n', 'insi', 'create', 'secret', 'generic', 'insi', '--from-literal', secret)
    const manifests = readFileSync(MANIFESTS, 'utf8').replaceAll(/image: insi:\S+/g, `image: ${IMAGE}`)
    await run('kubectl', ['apply', '-f', '-'], manifests)
    await kubectl('-n', 'insi', 'rollout', 'status', 'statefulset/insi', '--timeout=120s')
    const insic = (pod: string, ...words: string[]): Promise<string> =>
      kubectl('-n', 'insi', 'exec', pod, '--', 'insic', '--config', '/etc/insi/cluster.yaml', '--root', ...words)
    await insic('insi-0', 'set', 'user', 'Alice')
    for (const pod of ['insi-0', 'insi-1', 'insi-2']) {
      expect((await insic(pod, '--target', pod, 'get', 'user')).trim()).toBe('Alice')
    }
  },
  TEST_TIMEOUT_MS,
)
