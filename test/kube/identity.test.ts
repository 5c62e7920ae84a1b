// Pods that are not who they say they are: refused, reported, and no reason for anybody to lose a write.
import { eventually } from '../support/eventually.ts'
import { IMAGE, requireCluster, run } from './cluster-tools.ts'
import { samplesOf } from './metrics-text.ts'
import { Release, pods } from './release.ts'

requireCluster()

const TEST_TIMEOUT_MS = 300_000
const WAIT = { timeoutMs: 60_000 }
const release = new Release()

beforeAll(() => release.create(), TEST_TIMEOUT_MS)
afterAll(() => release.remove(), TEST_TIMEOUT_MS)

/** A pod with an empty disk that calls itself insi-1. */
function impostor(name: string, secret: string): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65532,
        fsGroup: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'insi',
          image: IMAGE,
          args: ['--as', 'insi-1'],
          env: [{ name: 'INSI_INSTANCE_SECRET_FILE', value: '/run/insi/secret/instanceSecret' }],
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          volumeMounts: [
            { name: 'data', mountPath: '/data' },
            { name: 'config', mountPath: '/etc/insi', readOnly: true },
            { name: 'secret', mountPath: '/run/insi/secret', readOnly: true },
          ],
        },
      ],
      volumes: [
        { name: 'data', emptyDir: {} },
        { name: 'config', configMap: { name: 'insi' } },
        { name: 'secret', secret: { secretName: secret, defaultMode: 0o440 } },
      ],
    },
  }
}

async function startImpostor(name: string, secret: string): Promise<void> {
  const manifest = JSON.stringify(impostor(name, secret))
  await run('kubectl', ['--namespace', release.namespace, 'apply', '-f', '-'], manifest)
}

const logHas = (pod: string, ...words: string[]): Promise<string> =>
  eventually(
    `${pod} logs ${words.join(', ')}`,
    async () => {
      const log = await release.kubectl('logs', pod, '--tail=200')
      return words.every((word) => log.includes(word)) ? log : undefined
    },
    WAIT,
  )

/** Handshakes that the nodes refused for their credentials, all of them together. */
async function refusedHandshakes(): Promise<number> {
  const scrapes = await Promise.all(pods(3).map((pod) => release.metricsOf(pod)))
  const refused = scrapes
    .flatMap(samplesOf)
    .filter(({ labels, name }) => name === 'insi_peer_refused_total' && labels.includes('reason="credentials"'))
  return refused.reduce((sum, { value }) => sum + value, 0)
}

test(
  'a pod under the name of a living node, with the secret, is not admitted and says why',
  async () => {
    const before = await release.members('insi-0')
    await release.underLoad('a second pod says that it is insi-1', { through: pods(3) }, async () => {
      await startImpostor('twin', 'insi')
      await logHas('twin', 'duplicate_node')
      await expect(release.proxied('pods/twin:9090', '/readyz')).rejects.toThrow('ServiceUnavailable')
      await release.kubectl('delete', 'pod', 'twin')
    })
    expect(await release.members('insi-0')).toEqual(before)
  },
  TEST_TIMEOUT_MS,
)

test(
  'a pod with another secret is refused by the handshake, which is counted',
  async () => {
    const before = await release.members('insi-0')
    const refusedBefore = await refusedHandshakes()
    const secret = `--from-literal=instanceSecret=${Buffer.from('not the secret of this cluster').toString('base64')}`
    await release.kubectl('create', 'secret', 'generic', 'another', secret)
    await release.underLoad('a pod with another secret', { through: pods(3) }, async () => {
      await startImpostor('stranger', 'another')
      await eventually(
        'a handshake was refused',
        async () => ((await refusedHandshakes()) > refusedBefore ? true : undefined),
        WAIT,
      )
      await release.kubectl('delete', 'pod', 'stranger')
    })
    expect(await release.members('insi-0')).toEqual(before)
  },
  TEST_TIMEOUT_MS,
)

test(
  'a pod with the disk of another cluster does not start, an Event tells of it, and it returns once it is put right',
  async () => {
    const { clusterId = '' } = await release.status()
    const mark = (id: string): Promise<string> =>
      release.kubectl('patch', 'configmap', 'insi-identity', '-p', JSON.stringify({ data: { clusterId: id } }))
    await release.underLoad('the disk is one of another cluster', { through: ['insi-0', 'insi-1'] }, async () => {
      await mark('11111111-2222-4333-8444-555555555555')
      await release.kubectl('delete', 'pod', 'insi-2')
      await logHas('insi-2', 'IDENTITY_MISMATCH', clusterId)
      await eventually(
        'an Event tells of another cluster',
        async () => (await release.kubectl('get', 'events')).includes('ForeignCluster') || undefined,
        WAIT,
      )
      await mark(clusterId)
      await release.kubectl('delete', 'pod', 'insi-2')
      await release.settled(3)
    })
  },
  TEST_TIMEOUT_MS,
)
