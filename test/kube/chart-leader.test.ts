// What helm makes of the service that leads to the leader: objects whose content is the reconciler's.
import { parseAllDocuments } from 'yaml'
import { render, requireHelm } from './cluster-tools.ts'

requireHelm()

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> }
  readonly spec: unknown
  readonly rules: unknown
}

async function objects(...values: string[]): Promise<Manifest[]> {
  return parseAllDocuments(await render(['secret.existingSecret=given', ...values]))
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null)
}

const named = (manifests: readonly Manifest[], kind: string, name: string): Manifest | undefined =>
  manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name)

test('without it nobody hears of a leader', async () => {
  expect(JSON.stringify(await objects())).not.toMatch(/leader-endpoint-slice|insi-leader|endpointslices/)
})

test('the service has no selector, and its slice no endpoints: an upgrade has nothing to set them back to', async () => {
  const all = await objects('leaderService.enabled=true', 'ports.public=9000')
  expect(named(all, 'Service', 'insi-leader')?.spec).toEqual({
    type: 'ClusterIP',
    ipFamilyPolicy: 'SingleStack',
    ipFamilies: ['IPv4'],
    ports: [
      { name: 'public', port: 8080, targetPort: 9000 },
      { name: 'private', port: 8081, targetPort: 8081 },
    ],
  })
  const slice = named(all, 'EndpointSlice', 'insi-leader')
  expect(slice).toMatchObject({
    addressType: 'IPv4',
    metadata: { labels: { 'kubernetes.io/service-name': 'insi-leader' } },
    ports: [
      { name: 'public', port: 9000 },
      { name: 'private', port: 8081 },
    ],
  })
  expect(slice).not.toHaveProperty('endpoints')
})

test('the reconciler is told its name, and may change that one slice', async () => {
  const all = await objects('leaderService.enabled=true')
  expect(named(all, 'Role', 'insi-reconciler')?.rules).toContainEqual({
    apiGroups: ['discovery.k8s.io'],
    resources: ['endpointslices'],
    resourceNames: ['insi-leader'],
    verbs: ['get', 'patch'],
  })
  expect(JSON.stringify(named(all, 'Deployment', 'insi-reconciler'))).toContain('--leader-endpoint-slice=insi-leader')
})

test('the port of administration is left out as in the other service, and certificates name it', async () => {
  const all = await objects(
    'leaderService.enabled=true',
    'service.exposePrivate=false',
    'tls.enabled=true',
    'tls.certManager.enabled=true',
    'tls.certManager.issuerRef.name=internal',
  )
  expect(JSON.stringify(named(all, 'Service', 'insi-leader'))).not.toContain('private')
  expect(JSON.stringify(named(all, 'EndpointSlice', 'insi-leader'))).not.toContain('private')
  expect(JSON.stringify(named(all, 'Certificate', 'insi'))).toContain('insi-leader.insi.svc.cluster.local')
})

test('without the reconciler it is refused with the reason', async () => {
  await expect(objects('leaderService.enabled=true', 'reconciler.enabled=false')).rejects.toThrow(
    'leaderService.enabled needs reconciler.enabled=true',
  )
})
