// A release whose instance secret a Job makes, and whose certificate is renewed while it runs: on a real Kubernetes, in a namespace that
// enforces the restricted pod security.
import { connect } from 'node:tls'
import { makeCertificate } from '../support/certificates.ts'
import type { TestCertificate } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { CHART, IMAGE, helm, requireCluster, run } from './cluster-tools.ts'
import { record } from './measurements.ts'
import { sumOf } from './metrics-text.ts'
import { Release, imageValues, pods } from './release.ts'

requireCluster()

const TEST_TIMEOUT_MS = 240_000
/** Long enough for the kubelet's own look at Secrets, once a minute, where an annotation does not hurry it. */
const RENEWAL_TIMEOUT_MS = 150_000
/** A node serves changed files ten seconds after they changed: more often there is nothing to hurry. */
const HURRY_INTERVAL_MS = 5_000
const BY_JOB = 'secret.generate=job'
const WITH_TLS = ['tls.enabled=true', 'tls.existingSecret=insi-tls']

const release = new Release()
const authority = makeCertificate()

function makeFor(commonName: string): TestCertificate {
  const hosts = [`*.insi-headless.${release.namespace}.svc.cluster.local`, 'localhost']
  const { cert, key } = makeCertificate({ issuer: authority, hosts, commonName })
  return { cert: cert + authority.cert, key }
}

async function putCertificate({ cert, key }: TestCertificate): Promise<void> {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'insi-tls', namespace: release.namespace },
    type: 'kubernetes.io/tls',
    stringData: { 'tls.crt': cert, 'tls.key': key },
  }
  await run('kubectl', ['apply', '-f', '-'], JSON.stringify(secret))
}

/** The name in the certificate that the public listener of a pod shows. */
async function shownBy(pod: string): Promise<string> {
  const { port } = new URL(release.target(pod)())
  return new Promise((resolve, reject) => {
    const socket = connect(
      { host: '127.0.0.1', port: Number(port), ca: authority.cert, servername: 'localhost' },
      () => {
        resolve(String(socket.getPeerCertificate().subject.CN))
        socket.destroy()
      },
    )
    socket.on('error', reject)
  })
}

/** A pod that changes is synchronized at once, its Secrets with it, instead of within a minute. */
async function hurryKubelet(): Promise<void> {
  const note = `test/changed=${Math.round(performance.now())}`
  await release.kubectl('annotate', 'pods', '-l', 'app.kubernetes.io/component=server', '--overwrite', note)
}

async function shownByEach(name: string): Promise<void> {
  let hurriedMs = Number.NEGATIVE_INFINITY
  await eventually(
    `each node shows the certificate ${name}`,
    async () => {
      if (performance.now() - hurriedMs > HURRY_INTERVAL_MS) {
        await hurryKubelet()
        hurriedMs = performance.now()
      }
      const shown = await Promise.all(pods(3).map(shownBy))
      if (shown.some((found) => found !== name)) throw new Error(shown.join(', '))
      return true as const
    },
    { timeoutMs: RENEWAL_TIMEOUT_MS },
  )
}

const restarts = (): Promise<string> =>
  release.kubectl('get', 'pods', '-o', 'jsonpath={.items[*].status.containerStatuses[*].restartCount}')

afterAll(() => release.remove(), TEST_TIMEOUT_MS)

test(
  'the pods wait for the Secret that a Job makes, and form a cluster with it; an upgrade leaves it',
  async () => {
    await release.create(BY_JOB)
    const logs = await release.kubectl('logs', '-l', 'app.kubernetes.io/component=secret')
    expect(logs).toContain('made the Secret insi')
    const secret = await release.field('secret/insi', '.data.instanceSecret')
    expect(Buffer.from(Buffer.from(secret, 'base64').toString(), 'base64')).toHaveLength(48)
    await release.settled(3)
    await release.reachable(pods(3))
    await release.call('insi-0', '/db/api/v1/set', { key: 'user', value: 'Alice' })
    await release.upgrade(BY_JOB, 'podAnnotations.note=another')
    expect(await release.field('secret/insi', '.data.instanceSecret')).toBe(secret)
    await release.reachable(pods(3))
    expect(await (await release.call('insi-2', '/db/api/v1/get?key=user')).json()).toEqual({ data: 'Alice' })
  },
  TEST_TIMEOUT_MS,
)

test(
  'manifests that somebody else applies on the server, as helm 4 and Argo CD do, take nothing from the reconciler',
  async () => {
    const owned = async (): Promise<unknown> => ({
      topology: await release.field('configmap/insi', '.data'),
      status: (await release.status())['voters'],
      identity: await release.field('configmap/insi-identity', '.data.clusterId'),
      holder: await release.field('lease/insi-reconciler', '.spec.holderIdentity'),
    })
    const before = await owned()
    const values = [...imageValues(IMAGE), BY_JOB, 'persistence.size=1Gi', 'resources.limits.memory=512Mi']
    const set = [...values, 'podAnnotations.note=another'].flatMap((value) => ['--set', value])
    const words = [
      'template',
      'insi',
      CHART,
      '--namespace',
      release.namespace,
      '--dry-run=server',
      '--skip-tests',
      '--kube-version',
      '1.34.0',
    ]
    const manifests = await helm(...words, ...set)
    await run(
      'kubectl',
      ['apply', '--server-side', '--force-conflicts', '--field-manager=another', '-f', '-'],
      manifests,
    )
    expect(await owned()).toEqual(before)
    await release.settled(3)
  },
  TEST_TIMEOUT_MS,
)

test(
  'a certificate that is renewed is shown by every node without a restart, and the reconciler goes on',
  async () => {
    await putCertificate(makeFor('first'))
    await release.upgrade(BY_JOB, ...WITH_TLS)
    await shownByEach('first')
    const before = [await release.uidsOf(pods(3)), await restarts()]
    const startMs = performance.now()
    await putCertificate(makeFor('second'))
    await shownByEach('second')
    const tookMs = Math.round(performance.now() - startMs)
    record({
      scenario: 'renewed certificate',
      tookMs,
      acknowledged: 0,
      failed: 0,
      longestGapMs: null,
      leaderMoves: null,
    })
    expect([await release.uidsOf(pods(3)), await restarts()]).toEqual(before)
    for (const pod of pods(3)) expect(sumOf(await release.metricsOf(pod), 'insi_tls_certificate_refused')).toBe(0)
    await release.scale(1)
    await release.settled(1)
  },
  TEST_TIMEOUT_MS,
)
