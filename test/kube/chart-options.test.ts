// What helm makes of the chart's optional parts: a secret made by a Job, certificates, alerts, dashboards, the service for reads.
import { parseAllDocuments } from 'yaml'
import { render, requireHelm } from './cluster-tools.ts'

requireHelm()

interface Manifest {
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly labels: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly spec: unknown
  readonly rules: unknown
  readonly data: Readonly<Record<string, string>>
}

const OPERATOR = ['--api-versions', 'monitoring.coreos.com/v1']

async function objects(values: readonly string[], more: readonly string[] = []): Promise<Manifest[]> {
  return parseAllDocuments(await render(values, more))
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null)
}

async function one(
  kind: string,
  values: readonly string[],
  more: readonly string[] = [],
  name = '',
): Promise<Manifest> {
  const found = (await objects(values, more)).find(
    (manifest) => manifest.kind === kind && (name === '' || manifest.metadata.name === name),
  )
  if (found === undefined) throw new Error(`no ${kind} ${name}`)
  return found
}

describe('a secret that a Job makes', () => {
  const values = ['secret.generate=job']

  test('is in no manifest, and two renders are identical', async () => {
    const first = await render(values)
    expect(await render(values)).toBe(first)
    expect((await objects(values)).map(({ kind }) => kind)).not.toContain('Secret')
  })

  test('comes by the right to create Secrets alone, which the server pods do not have', async () => {
    const all = await objects(values)
    expect(
      all.filter(({ kind, metadata }) => kind === 'Role' && metadata.name === 'insi-secret').map(({ rules }) => rules),
    ).toEqual([[{ apiGroups: [''], resources: ['secrets'], verbs: ['create'] }]])
    const accountOf = ({ spec }: Manifest): unknown =>
      (spec as { template: { spec: Record<string, unknown> } }).template.spec
    const job = all.find(({ kind }) => kind === 'Job')
    const set = all.find(({ kind }) => kind === 'StatefulSet')
    expect([job, set].map((manifest) => manifest && accountOf(manifest))).toMatchObject([
      {
        serviceAccountName: 'insi-secret',
        automountServiceAccountToken: true,
        securityContext: { runAsNonRoot: true },
      },
      { serviceAccountName: 'insi', automountServiceAccountToken: false },
    ])
  })

  test('is made by another Job when its pods change, since a Job cannot be changed', async () => {
    const nameWith = async (...more: string[]): Promise<string> =>
      (await one('Job', [...values, ...more])).metadata.name
    expect(await nameWith('commonLabels.team=blue')).toBe(await nameWith())
    expect(await nameWith('image.tag=other')).not.toBe(await nameWith())
    expect(await nameWith('nodeSelector.disk=fast')).not.toBe(await nameWith())
  })

  test('is not asked for when one is given', async () => {
    const kinds = (await objects([...values, 'secret.existingSecret=given', 'reconciler.enabled=false'])).map(
      ({ kind }) => kind,
    )
    expect(kinds).not.toContain('Job')
    expect(kinds).not.toContain('Role')
  })
})

describe('a certificate of cert-manager', () => {
  const values = ['secret.existingSecret=given', 'tls.enabled=true', 'tls.certManager.enabled=true']

  test('is for the services and for every node, and the pods mount its secret', async () => {
    const given = [...values, 'tls.certManager.issuerRef.name=internal', 'tls.certManager.dnsNames[0]=insi.example.org']
    expect((await one('Certificate', given)).spec).toMatchObject({
      secretName: 'insi-tls',
      issuerRef: { name: 'internal', kind: 'Issuer', group: 'cert-manager.io' },
      dnsNames: expect.arrayContaining([
        'insi.insi.svc.cluster.local',
        '*.insi-headless.insi.svc.cluster.local',
        'insi.example.org',
      ]) as unknown,
    })
    expect(JSON.stringify(await one('StatefulSet', given))).toContain('"secretName":"insi-tls"')
  })

  test.each([
    [values, 'needs tls.certManager.issuerRef.name'],
    [[...values, 'tls.existingSecret=given'], 'two sources of one certificate'],
    [['tls.certManager.enabled=true'], 'tls.certManager.enabled is set but tls.enabled is not'],
  ])('%j fails with a sentence', async (given, sentence) => {
    await expect(render(given)).rejects.toThrow(sentence)
  })
})

describe('alerts', () => {
  const values = ['secret.existingSecret=given', 'fullnameOverride=mine', 'prometheusRule.enabled=true']
  interface Rule {
    readonly alert?: string
    readonly record?: string
    readonly expr: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  const rulesOf = ({ spec }: Manifest): Rule[] =>
    (spec as { groups: { rules: Rule[] }[] }).groups.flatMap(({ rules }) => rules)

  test('are made only where their CRD is', async () => {
    expect((await objects(values)).map(({ kind }) => kind)).not.toContain('PrometheusRule')
    expect((await objects(values, OPERATOR)).map(({ kind }) => kind)).toContain('PrometheusRule')
  })

  test('ask for the series of this release alone', async () => {
    const rules = rulesOf(await one('PrometheusRule', values, OPERATOR))
    expect(rules.length).toBeGreaterThan(20)
    const selectors = rules.flatMap(({ expr }) => expr.match(/\{[^}]*\}/g) ?? [])
    const own = /^\{namespace="insi",(pod=~"mine-(\[0-9\]\+|reconciler-\.\*)"|release="mine"|statefulset="mine")/
    expect(selectors.length).toBeGreaterThan(rules.length)
    expect(selectors.filter((selector) => !own.test(selector))).toEqual([])
    const records = rules.filter(({ record }) => record !== undefined)
    expect(records.map(({ labels }) => labels?.['release'])).toEqual(records.map(() => 'mine'))
  })

  test('can be left out one by one, and carry the labels and the link that are wanted', async () => {
    const more = [
      'prometheusRule.disabledAlerts={InsiNodeDown,InsiDiskLow}',
      'prometheusRule.alertLabels.team=blue',
      'prometheusRule.labels.release=prometheus',
      'prometheusRule.runbookBaseUrl=https://example.org/runbooks/',
    ]
    const made = await one('PrometheusRule', [...values, ...more], OPERATOR)
    expect(made.metadata.labels).toMatchObject({ release: 'prometheus' })
    const alerts = rulesOf(made).filter(({ alert }) => alert !== undefined)
    expect(alerts.map(({ alert }) => alert)).not.toEqual(expect.arrayContaining(['InsiNodeDown']))
    expect(alerts.map(({ alert }) => alert)).not.toEqual(expect.arrayContaining(['InsiDiskLow']))
    expect(alerts.find(({ alert }) => alert === 'InsiNoLeader')).toMatchObject({
      labels: { severity: 'critical', namespace: 'insi', team: 'blue' },
      annotations: { runbook_url: 'https://example.org/runbooks/InsiNoLeader.md' },
    })
  })

  test('on the reconciler are left out where there is none', async () => {
    const named = rulesOf(await one('PrometheusRule', [...values, 'reconciler.enabled=false'], OPERATOR))
    expect(named.filter(({ alert }) => alert?.startsWith('InsiReconciler') === true)).toEqual([])
  })

  test('that do not exist cannot be left out', async () => {
    await expect(render([...values, 'prometheusRule.disabledAlerts={InsiNodeDwon}'])).rejects.toThrow('disabledAlerts')
  })
})

test('where the nodes are scraped, the reconciler is too, and nothing twice', async () => {
  const values = ['secret.existingSecret=given', 'serviceMonitor.enabled=true', 'podMonitor.enabled=true']
  const monitors = async (...more: string[]): Promise<string[]> =>
    (await objects([...values, ...more], OPERATOR))
      .filter(({ kind }) => kind.endsWith('Monitor'))
      .map(({ kind, metadata }) => `${kind}/${metadata.name}`)
      .toSorted()
  expect(await monitors()).toEqual(['PodMonitor/insi', 'PodMonitor/insi-reconciler', 'ServiceMonitor/insi'])
  expect(await monitors('podMonitor.enabled=false')).toEqual(['PodMonitor/insi-reconciler', 'ServiceMonitor/insi'])
  expect(await monitors('podMonitor.enabled=false', 'serviceMonitor.enabled=false')).toEqual([])
})

test('series of single keys are scraped apart when that is asked for, and only where the nodes have them', async () => {
  const values = ['secret.existingSecret=given', 'podMonitor.enabled=true', 'podMonitor.entitiesInterval=60s']
  await expect(render(values, OPERATOR)).rejects.toThrow('needs config.metrics.entities=true')
  const { spec } = await one('PodMonitor', [...values, 'config.metrics.entities=true'], OPERATOR, 'insi')
  expect((spec as { podMetricsEndpoints: unknown }).podMetricsEndpoints).toEqual([
    { port: 'ops', path: '/metrics', interval: '30s' },
    {
      port: 'ops',
      path: '/metrics/entities',
      interval: '60s',
      relabelings: [{ targetLabel: 'endpoint', replacement: 'entities' }],
    },
  ])
})

test('the dashboards are a ConfigMap that the sidecar of Grafana finds', async () => {
  const values = ['secret.existingSecret=given', 'grafanaDashboards.enabled=true', 'grafanaDashboards.folder=Data']
  const made = await one('ConfigMap', values, [], 'insi-dashboards')
  expect(made.metadata).toMatchObject({
    labels: { grafana_dashboard: '1' },
    annotations: { grafana_folder: 'Data' },
  })
  expect(Object.keys(made.data)).toEqual(['insi-cluster.json', 'insi-node.json', 'insi-tenants.json'])
  for (const [name, board] of Object.entries(made.data)) {
    expect(JSON.parse(board)).toMatchObject({ uid: name.replace('.json', '') })
  }
})

test('the service for reads has the public port alone and prefers the nearest node', async () => {
  const made = await one('Service', ['secret.existingSecret=given', 'readService.enabled=true'], [], 'insi-read')
  expect(made.spec).toMatchObject({
    type: 'ClusterIP',
    trafficDistribution: 'PreferClose',
    ports: [{ name: 'public', port: 8080, targetPort: 'public' }],
  })
})

describe('backups', () => {
  const values = ['backup.enabled=true', 'backup.existingClaim=kept']

  test('are made by a job that alone may ask the private port, and has no token', async () => {
    const job = await one('CronJob', [...values, 'backup.keep=3', 'backup.timeZone=Europe/Zurich'])
    expect(job.metadata.name).toBe('insi-backup')
    expect(job.spec).toMatchObject({
      schedule: '15 3 * * *',
      timeZone: 'Europe/Zurich',
      suspend: false,
      concurrencyPolicy: 'Forbid',
      jobTemplate: {
        spec: {
          podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { containerName: 'verify' } }] },
          template: {
            metadata: { labels: { 'app.kubernetes.io/component': 'backup' } },
            spec: {
              automountServiceAccountToken: false,
              initContainers: [{ args: [expect.stringContaining("cluster backup '/backups/'")] }],
              containers: [{ args: [expect.stringContaining('insid verify-backup')] }],
              volumes: expect.arrayContaining([
                { name: 'backups', persistentVolumeClaim: { claimName: 'kept' } },
              ]) as unknown,
            },
          },
        },
      },
    })
    const policy = await one('NetworkPolicy', values, [], 'insi')
    expect(JSON.stringify(policy.spec)).toContain('"app.kubernetes.io/component":"backup"')
    expect(JSON.stringify((await one('NetworkPolicy', [], [], 'insi')).spec)).not.toContain('"backup"')
  })

  test('go to S3 with the keys of a Secret, and without a drill when that is asked for', async () => {
    const job = await one('CronJob', [
      'backup.enabled=true',
      'backup.location=s3://bucket/insi/',
      'backup.envFrom[0].secretRef.name=s3',
      'backup.verify=false',
    ])
    const text = JSON.stringify(job.spec)
    expect(text).toContain("'s3://bucket/insi/'")
    expect(text).toContain('"envFrom":[{"secretRef":{"name":"s3"}}]')
    for (const absent of ['initContainers', 'verify-backup', 'persistentVolumeClaim', 'podFailurePolicy'])
      expect(text).not.toContain(absent)
  })

  test('are watched by the reconciler, which may read that one CronJob', async () => {
    const all = await objects(values)
    const role = all.find(({ kind, metadata }) => kind === 'Role' && metadata.name === 'insi-reconciler')
    const rights = { apiGroups: ['batch'], resources: ['cronjobs'], resourceNames: ['insi-backup'], verbs: ['get'] }
    expect(role?.rules).toContainEqual(rights)
    const deployment = all.find(({ kind }) => kind === 'Deployment')
    expect(JSON.stringify(deployment?.spec)).toContain('--backup-cron-job=insi-backup')
    expect((await render([])).includes('cronjobs')).toBe(false)
  })

  test.each([
    [['backup.enabled=true'], 'backup.enabled needs a place for backups'],
    [[...values, 'backup.location=s3://b/'], 'two places for backups'],
    [['backup.location=s3://b/'], 'backup.enabled is not'],
    [['backup.enabled=true', 'backup.location=/backups/'], 'backup.location|/backup/location'],
    [['backup.enabled=true', 'backup.location=s3://b/one.insi'], 'backup.location|/backup/location'],
  ])('with %j do not render', async (bad, reason) => {
    await expect(render(bad)).rejects.toThrow(new RegExp(reason))
  })
})
