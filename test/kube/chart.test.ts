// What helm makes of the chart: valid objects, the same ones twice, sentences for unsafe values, and what must never change.
import { readFileSync } from 'node:fs'
import { parseAllDocuments } from 'yaml'
import { MANIFESTS, renderManifests } from '../../scripts/generate-chart-manifests.ts'
import { CHART, helm, render, requireHelm } from './cluster-tools.ts'

requireHelm()

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec: Record<string, never>
  readonly data: Record<string, string>
}

const EXISTING = 'secret.existingSecret=given'
const objects = (yaml: string): Manifest[] =>
  parseAllDocuments(yaml)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null)

async function one(kind: string, ...values: string[]): Promise<Manifest> {
  const found = objects(await render([EXISTING, ...values])).find((manifest) => manifest.kind === kind)
  if (found === undefined) throw new Error(`no ${kind}`)
  return found
}

async function kinds(values: readonly string[], more: readonly string[] = []): Promise<string[]> {
  return objects(await render([EXISTING, ...values], more)).map((manifest) => manifest.kind)
}

describe('the rendered chart', () => {
  test('helm lint has no complaint', async () => {
    expect(await helm('lint', '--strict', CHART)).toContain('0 chart(s) failed')
  })

  test('with an existing secret, two renders are identical and hold no secret', async () => {
    const first = await render([EXISTING])
    expect(await render([EXISTING])).toBe(first)
    expect(await kinds([])).not.toContain('Secret')
    expect(first).not.toMatch(/instanceSecret: (?!.*instanceSecret)/)
  })

  test('without one, a secret is made that outlives the release', async () => {
    const secret = objects(await render([])).find((manifest) => manifest.kind === 'Secret')
    expect(Buffer.from(secret?.data['instanceSecret'] ?? '', 'base64').toString()).toMatch(/^[A-Za-z0-9]{48}$/)
    expect(secret?.metadata).toMatchObject({ annotations: { 'helm.sh/resource-policy': 'keep' } })
  })

  test('names, selectors and all that Kubernetes never lets change are as they were at the first release', async () => {
    const set = (await one('StatefulSet')) as unknown as {
      metadata: { name: string }
      spec: Record<string, unknown> & { volumeClaimTemplates: unknown }
    }
    const { serviceName, podManagementPolicy, selector, volumeClaimTemplates } = set.spec
    expect({ name: set.metadata.name, serviceName, podManagementPolicy, selector, volumeClaimTemplates }).toEqual({
      name: 'insi',
      serviceName: 'insi-headless',
      podManagementPolicy: 'Parallel',
      selector: {
        matchLabels: {
          'app.kubernetes.io/name': 'insi',
          'app.kubernetes.io/instance': 'insi',
          'app.kubernetes.io/component': 'server',
        },
      },
      volumeClaimTemplates: [
        {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          metadata: {
            name: 'data',
            labels: {
              'app.kubernetes.io/name': 'insi',
              'app.kubernetes.io/instance': 'insi',
              'app.kubernetes.io/component': 'server',
            },
          },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '8Gi' } } },
        },
      ],
    })
  })

  test('another number of nodes changes the list of nodes but not the pods', async () => {
    const template = async (count: number): Promise<unknown> =>
      (await one('StatefulSet', `replicaCount=${count}`)).spec['template']
    expect(await template(5)).toEqual(await template(3))
    const config = async (count: number): Promise<string> =>
      (await one('ConfigMap', `replicaCount=${count}`)).data['cluster.yaml'] ?? ''
    expect(await config(5)).toContain('insi-4.insi-headless.insi.svc.cluster.local:7000')
    expect(await config(3)).not.toContain('insi-3')
  })

  test('another option changes the pods', async () => {
    const template = async (...values: string[]): Promise<unknown> =>
      (await one('StatefulSet', ...values)).spec['template']
    expect(await template('config.logging.level=debug')).not.toEqual(await template())
  })

  test('one node has no disruption budget, three have one that lets broken pods be evicted', async () => {
    expect(await kinds(['replicaCount=1'])).not.toContain('PodDisruptionBudget')
    expect((await one('PodDisruptionBudget')).spec).toMatchObject({
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    })
  })

  test('monitors are made only where their CRDs are', async () => {
    const values = ['serviceMonitor.enabled=true', 'podMonitor.enabled=true']
    expect(await kinds(values)).not.toContain('ServiceMonitor')
    const made = await kinds(values, ['--api-versions', 'monitoring.coreos.com/v1'])
    expect(made).toEqual(expect.arrayContaining(['ServiceMonitor', 'PodMonitor']))
  })

  test('values for pods and for objects of the user arrive where they belong', async () => {
    const digest = `sha256:${'a'.repeat(64)}`
    const set = await one(
      'StatefulSet',
      'image.registry=registry.example.org',
      `image.digest=${digest}`,
      'podLabels.team=blue',
      'nodeSelector.disk=fast',
      'tolerations[0].operator=Exists',
      'priorityClassName=high',
      'imagePullSecrets[0].name=pull',
      'extraEnv[0].name=INSI_LOGGING_LEVEL',
      'extraEnv[0].value=debug',
      'extraVolumes[0].name=more',
      'extraVolumeMounts[0].name=more',
      'tls.enabled=true',
      'tls.existingSecret=certificate',
    )
    const text = JSON.stringify(set)
    for (const part of [
      `"image":"registry.example.org/insi@${digest}"`,
      '"team":"blue"',
      '"disk":"fast"',
      '"operator":"Exists"',
      '"priorityClassName":"high"',
      '"imagePullSecrets":[{"name":"pull"}]',
      '"INSI_LOGGING_LEVEL"',
      '"secretName":"certificate"',
    ]) {
      expect(text).toContain(part)
    }
    const extra = 'extraObjects[0]=kind: ConfigMap\nmetadata: {name: "{{ .Release.Name }}-mine"}'
    const names = objects(await render([EXISTING], ['--set-literal', extra])).map((found) => found.metadata.name)
    expect(names).toContain('insi-mine')
  })

  test.each([
    ['persistence.enabled=false', 'persistence.enabled=false with more than one node is unsafe'],
    ['tls.enabled=true', 'tls.enabled needs tls.existingSecret'],
    ['tls.existingSecret=x', 'tls.existingSecret is set but tls.enabled is not'],
    ['config.instanceSecret=x', 'would put a secret into a ConfigMap'],
    ['config.defaultLeader=x', 'config.defaultLeader is made by the chart'],
    ['preStopSleepSeconds=90', 'must be below terminationGracePeriodSeconds'],
    ['terminationGracePeriodSeconds=20', 'must be at least 30'],
    ['podDisruptionBudget.maxUnavailable=2', 'would let a drain take the quorum'],
    ['replicacount=3', 'replicacount'],
    ['image.tagg=1', 'tagg'],
    ['replicaCount=three', 'replicaCount'],
    ['image.digest=abc', 'digest'],
  ])('%s fails with a sentence', async (value, sentence) => {
    await expect(render([EXISTING, value])).rejects.toThrow(sentence)
  })

  test('k8s/insi.yaml is what the chart renders: run `node scripts/generate-chart-manifests.ts`', () => {
    expect(readFileSync(MANIFESTS, 'utf8')).toBe(renderManifests())
  })
})
