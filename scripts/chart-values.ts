// The values of charts/insi: their defaults, types and descriptions. values.yaml and values.schema.json are made from here.
import { ALERT_GROUPS } from './chart-alerts.ts'

export type JsonSchema = Readonly<Record<string, unknown>>

export interface ValueField {
  readonly description: string
  readonly default: unknown
  readonly schema: JsonSchema
}
export interface ValueGroup {
  readonly description: string
  readonly fields: ValueTree
}
export interface ValueTree {
  readonly [name: string]: ValueField | ValueGroup
}

const field = (schema: JsonSchema, value: unknown, description: string): ValueField => ({
  description,
  default: value,
  schema,
})
const text = (value: string, description: string, more: JsonSchema = {}): ValueField =>
  field({ type: 'string', ...more }, value, description)
const flag = (value: boolean, description: string): ValueField => field({ type: 'boolean' }, value, description)
const integer = (value: number, minimum: number, description: string): ValueField =>
  field({ type: 'integer', minimum }, value, description)
/** An object of Kubernetes' own, which the API server checks. */
const object = (value: object, description: string): ValueField => field({ type: 'object' }, value, description)
const texts = (description: string): ValueField =>
  field({ type: 'object', additionalProperties: { type: 'string' } }, {}, description)
const list = (description: string, items: JsonSchema = { type: 'object' }): ValueField =>
  field({ type: 'array', items }, [], description)
const group = (description: string, fields: ValueTree): ValueGroup => ({ description, fields })

const PORT = { type: 'integer', minimum: 1, maximum: 65_535 }
const probe = (path: string, meaning: string, periodSeconds: number, failureThreshold: number): ValueGroup =>
  group(`${meaning} (${path} on the ops port).`, {
    periodSeconds: integer(periodSeconds, 1, 'Seconds between two questions.'),
    timeoutSeconds: integer(5, 1, 'Seconds to wait for an answer.'),
    failureThreshold: integer(failureThreshold, 1, 'Bad answers in a row that count.'),
  })
const monitor = (kind: string): ValueGroup =>
  group(`A ${kind} for the Prometheus operator. Rendered only where its CRDs are installed.`, {
    enabled: flag(false, `Whether to make the ${kind}.`),
    interval: text('30s', 'How often to scrape.'),
    entitiesInterval: text(
      '',
      'How often to scrape /metrics/entities of the nodes, such as 60s; needs config.metrics.entities=true. Empty: never.',
    ),
    labels: texts('Labels by which Prometheus selects it.'),
    relabelings: list('Relabelings of targets.'),
    metricRelabelings: list('Relabelings of samples.'),
  })

const alertNames = (): string[] =>
  Object.values(ALERT_GROUPS)
    .flat()
    .map(({ name }) => name)

/** Every object that the chart can make: its kind, and what its name has beyond the common one. */
export const PATCHED_OBJECTS = [
  'Certificate',
  'ConfigMap',
  'ConfigMap-dashboards',
  'ConfigMap-identity',
  'ConfigMap-status',
  'CronJob-backup',
  'Deployment-reconciler',
  'EndpointSlice-leader',
  'Job-secret',
  'Lease-reconciler',
  'NetworkPolicy',
  'NetworkPolicy-reconciler',
  'Pod-test',
  'PodDisruptionBudget',
  'PodMonitor',
  'PodMonitor-reconciler',
  'PrometheusRule',
  'Role-reconciler',
  'Role-secret',
  'RoleBinding-reconciler',
  'RoleBinding-secret',
  'Secret',
  'Service',
  'Service-headless',
  'Service-leader',
  'Service-read',
  'Service-reconciler',
  'ServiceAccount',
  'ServiceAccount-reconciler',
  'ServiceAccount-secret',
  'ServiceMonitor',
  'StatefulSet',
] as const

const WHOLE_NAME = { pattern: '^$|^[a-z]([-a-z0-9]*[a-z0-9])?$', maxLength: 40 }

export const CHART_VALUES: ValueTree = {
  replicaCount: field(
    { type: 'integer', minimum: 0, maximum: 9 },
    3,
    'Nodes of the cluster: 1, 3 or 5. An even count survives no more failures than the odd one below it. 0 stops every pod and keeps the disks.',
  ),
  allowScaleDown: flag(
    false,
    'Without the reconciler: accept a replicaCount below the running one. Removed pods remain voters until they are taken out of the cluster, so this can cost the quorum.',
  ),
  allowVersionJump: flag(
    false,
    'Accept an image that is more than one minor version newer than the running one, or of an older minor version. Neither is tested.',
  ),
  nameOverride: text('', 'Replaces the name of the chart in labels.', WHOLE_NAME),
  fullnameOverride: text(
    '',
    'Replaces the name of every object. It is also the name of the nodes, so it must never change.',
    WHOLE_NAME,
  ),
  namespaceOverride: text('', 'Namespace of every object. Empty: that of the release.', {
    pattern: '^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
    maxLength: 63,
  }),
  clusterDomain: text('cluster.local', 'DNS domain of the Kubernetes cluster.'),
  commonLabels: texts('Labels of every object.'),
  image: group('The image of insid and insic.', {
    registry: text(
      '',
      'Registry, such as registry.example.org. Empty: as the container runtime resolves the repository.',
    ),
    repository: text('insi', 'Repository.'),
    tag: text('', "Tag. Empty: the chart's appVersion."),
    digest: text('', 'Digest, such as sha256:...; goes before the tag.', { pattern: '^$|^sha256:[0-9a-f]{64}$' }),
    pullPolicy: field({ type: 'string', enum: ['Always', 'IfNotPresent', 'Never'] }, 'IfNotPresent', 'When to pull.'),
  }),
  imagePullSecrets: list('Secrets for pulling the image: [{name: ...}].'),
  secret: group('The instance secret, from which the root key and the protection between nodes come.', {
    existingSecret: text(
      '',
      'Name of a Secret that exists. Set it when manifests are rendered without access to the cluster (Argo CD, Flux, helm template). Empty: the chart makes one at the first install and keeps it, also beyond an uninstall.',
    ),
    key: text('instanceSecret', 'Key of the secret inside that Secret.', { minLength: 1 }),
    generate: field(
      { type: 'string', enum: ['helm', 'job'] },
      'helm',
      'Who makes the Secret when none is given. helm: the chart, which looks for the one that is there and so needs access to the cluster. job: a Job in the cluster, once, when there is none; for Argo CD, Flux and helm template. Its service account may create Secrets and nothing else.',
    ),
  }),
  config: object(
    {},
    'Further options of cluster.yaml (docs/CONFIG.md), such as {logging: {level: debug}}. A change restarts the pods one by one. Nodes, secrets, tls and the data directory are the chart’s own.',
  ),
  tls: group('TLS of the two HTTP listeners.', {
    enabled: flag(false, 'Whether to speak TLS.'),
    existingSecret: text('', 'Secret of type kubernetes.io/tls with tls.crt and tls.key, such as cert-manager writes.'),
    certManager: group('A Certificate of cert-manager, in place of existingSecret.', {
      enabled: flag(false, 'Whether to make the Certificate.'),
      issuerRef: group('The issuer. It must issue for names inside of the Kubernetes cluster.', {
        name: text('', 'Name.'),
        kind: text('Issuer', 'Issuer or ClusterIssuer.', { minLength: 1 }),
        group: text('cert-manager.io', 'API group.', { minLength: 1 }),
      }),
      dnsNames: field(
        { type: 'array', items: { type: 'string', minLength: 1 } },
        [],
        'Names of the certificate besides those of the services.',
      ),
      duration: text('2160h', 'How long a certificate is valid.'),
      renewBefore: text('720h', 'How long before its end it is renewed.'),
    }),
  }),
  persistence: group('Disks of the nodes.', {
    enabled: flag(true, 'Whether data outlives a pod. Without it only one node is allowed.'),
    size: text('8Gi', 'Size of each disk.', { minLength: 1 }),
    storageClass: text('', 'Storage class. Empty: the default one; "-": none.'),
    accessModes: field({ type: 'array', items: { type: 'string' }, minItems: 1 }, ['ReadWriteOnce'], 'Access modes.'),
    annotations: texts('Annotations of the claims.'),
  }),
  ports: group('Ports of the containers.', {
    public: field(PORT, 8080, "Tenants' requests."),
    private: field(PORT, 8081, 'Administration.'),
    raft: field(PORT, 7000, 'The other nodes.'),
    ops: field(PORT, 9090, 'Health and metrics.'),
  }),
  service: group('The service for clients. Any node serves any request.', {
    type: field({ type: 'string', enum: ['ClusterIP', 'NodePort', 'LoadBalancer'] }, 'ClusterIP', 'Type.'),
    publicPort: field(PORT, 8080, "Port of tenants' requests."),
    privatePort: field(PORT, 8081, 'Port of administration.'),
    exposePrivate: flag(
      true,
      'Whether the service has the port of administration. Turn it off before exposing the service.',
    ),
    annotations: texts('Annotations.'),
    loadBalancerClass: text('', 'Class of the load balancer.'),
  }),
  readService: group('A service for reads, RELEASE-read: the public port only, the nearest node preferred.', {
    enabled: flag(
      false,
      'Whether to make one. Any node answers reads that are up to date; writes through it work too.',
    ),
    annotations: texts('Annotations.'),
  }),
  leaderService: group('A service that leads to the leader alone, RELEASE-leader, for clients that write a lot.', {
    enabled: flag(
      false,
      'Whether to make one. It saves the way from another node to the leader; after an election it leads to the new one within seconds. Needs the reconciler.',
    ),
    addressType: field(
      { type: 'string', enum: ['IPv4', 'IPv6'] },
      'IPv4',
      'Which address of the pods it uses. Must not change while it is enabled.',
    ),
    annotations: texts('Annotations.'),
  }),
  resources: object(
    { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '1Gi' } },
    'Requests and limits. The heap is 60 % of the memory limit.',
  ),
  reconciler: group(
    'Keeps the members of the cluster those that the StatefulSet wants, so that pods can be scaled both ways.',
    {
      enabled: flag(
        true,
        'Whether to run it. The cluster works without; then nobody removes nodes that are scaled away.',
      ),
      replicas: integer(
        1,
        1,
        'Pods. One of them acts; a second one takes over at once when it goes. They prefer different machines and zones.',
      ),
      settleSeconds: integer(30, 1, 'How long a pod must be gone before its node is removed from the cluster.'),
      logLevel: field({ type: 'string', enum: ['debug', 'info', 'warn', 'error'] }, 'info', 'Level of its log.'),
      resources: object(
        { requests: { cpu: '20m', memory: '96Mi' }, limits: { memory: '256Mi' } },
        'Requests and limits.',
      ),
    },
  ),
  backup: group('Backups by a CronJob, RELEASE-backup (docs/BACKUP.md).', {
    enabled: flag(false, 'Whether to make them.'),
    schedule: text('15 3 * * *', 'When, as cron has it.', { minLength: 1 }),
    timeZone: text('', 'Of the schedule, such as Europe/Zurich. Empty: that of the Kubernetes control plane.'),
    suspend: flag(false, 'Whether to pause.'),
    keep: integer(
      7,
      1,
      'Backups of this cluster that are kept; older ones go once a new one is made and, with verify, proved.',
    ),
    verify: flag(
      true,
      'Whether each backup is restored into a temporary directory and read again, before the job counts as successful.',
    ),
    existingClaim: text(
      '',
      'The PersistentVolumeClaim that keeps them, of a size for so many backups and one more. The chart makes none, so that no helm uninstall can take the backups along.',
    ),
    location: text('', 'Where they go instead of a claim: s3://BUCKET/PREFIX/.', {
      pattern: '^$|^s3://[^/]+/(.*/)?$',
    }),
    env: list('Environment variables of the job, such as AWS_REGION: [{name: ..., value: ...}].'),
    envFrom: list('Environment of the job from Secrets: [{secretRef: {name: ...}}], with AWS_ACCESS_KEY_ID and so on.'),
    activeDeadlineSeconds: integer(7_200, 60, 'After so many seconds a job is given up.'),
    resources: object(
      { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
      'Requests and limits.',
    ),
  }),
  probes: group('Health checks.', {
    startup: probe('/startupz', 'The log was read and the node belongs to a cluster', 2, 450),
    readiness: probe('/readyz', 'The node knows a leader and is caught up', 3, 3),
    liveness: probe('/livez', 'The process works; never asks about other nodes', 10, 6),
  }),
  preStopSleepSeconds: integer(
    5,
    0,
    'Seconds between the order to stop and its signal, at least: services must forget the pod first.',
  ),
  terminationGracePeriodSeconds: integer(
    90,
    10,
    'Seconds a pod has for an orderly end. One that is scaled away waits up to 15 s less for its removal from the cluster.',
  ),
  podDisruptionBudget: group('Limit to voluntary disruptions. None when there is one node.', {
    enabled: flag(true, 'Whether to make one.'),
    maxUnavailable: integer(1, 1, 'Nodes that may be away at once; more than one risks the quorum of three.'),
  }),
  networkPolicy: group('Who may reach the pods. Raft’s port is open to the other nodes only.', {
    enabled: flag(true, 'Whether to make one.'),
    clients: list('Peers (from) that may reach the public port. Empty: everyone.'),
    administration: list('Peers that may reach the private port besides the nodes themselves. Empty: nobody.'),
    metrics: list('Peers that may reach the ops port. Empty: everyone; it has no data.'),
    extraEgress: list('Further egress rules. Allowed without: DNS, and the other nodes.'),
  }),
  serviceAccount: group('Identity of the pods; it has no token, they do not talk to Kubernetes.', {
    create: flag(true, 'Whether to make one.'),
    name: text('', 'Name. Empty: that of the objects, or "default" when none is made.'),
    annotations: texts('Annotations.'),
  }),
  serviceMonitor: monitor('ServiceMonitor'),
  podMonitor: monitor('PodMonitor'),
  prometheusRule: group(
    'Alerts of docs/ALERTS.md for the Prometheus operator. Rendered only where its CRDs are installed.',
    {
      enabled: flag(false, 'Whether to make the PrometheusRule.'),
      labels: texts('Labels by which Prometheus selects it.'),
      alertLabels: texts('Labels of every alert, besides its severity.'),
      disabledAlerts: field(
        { type: 'array', items: { type: 'string', enum: alertNames() }, uniqueItems: true },
        [],
        'Names of alerts to leave out.',
      ),
      runbookBaseUrl: text(
        '',
        'Address of docs/runbooks, to which /NameOfTheAlert.md is appended. Empty: alerts have no link.',
        { pattern: '^$|^https?://' },
      ),
    },
  ),
  grafanaDashboards: group(
    'A ConfigMap with the dashboards of cluster, nodes and tenants, which the sidecar of Grafana loads.',
    {
      enabled: flag(false, 'Whether to make the ConfigMap.'),
      label: text('grafana_dashboard', 'Label by which the sidecar finds it.', { minLength: 1 }),
      labelValue: text('1', 'Value of that label.'),
      folderAnnotation: text('grafana_folder', 'Annotation that names the folder.', { minLength: 1 }),
      folder: text('', 'Folder. Empty: as the sidecar is configured.'),
    },
  ),
  podSecurityContext: object(
    {
      runAsNonRoot: true,
      runAsUser: 65_532,
      runAsGroup: 65_532,
      fsGroup: 65_532,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    'Security of the pods.',
  ),
  securityContext: object(
    { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, readOnlyRootFilesystem: true },
    'Security of the containers.',
  ),
  topologySpreadConstraints: field(
    { type: ['array', 'null'], items: { type: 'object' } },
    null,
    'Spreading over machines and zones. null: prefer different ones, but start anyway; []: none.',
  ),
  affinity: object({}, 'Affinity.'),
  nodeSelector: texts('Labels that the machine must have.'),
  tolerations: list('Taints that are tolerated.'),
  priorityClassName: text('', 'Priority class.'),
  podLabels: texts('Labels of the pods.'),
  podAnnotations: texts('Annotations of the pods.'),
  annotations: texts('Annotations of the StatefulSet.'),
  extraEnv: list('Environment variables of the containers: [{name: ..., value: ...}].'),
  extraVolumes: list('Volumes of the pods.'),
  extraVolumeMounts: list('Mounts of the containers.'),
  objectPatches: field(
    {
      type: 'object',
      additionalProperties: false,
      properties: Object.fromEntries(PATCHED_OBJECTS.map((name) => [name, { type: 'object' }])),
    },
    {},
    'Changes of single objects, by kind and what the name has beyond that of the release: StatefulSet, Service-headless. Each is a JSON merge patch (RFC 7386): null removes. A map in the place of a list changes the things in it by their names: {spec: {template: {spec: {containers: {insi: {workingDir: /tmp}}}}}}.',
  ),
  extraObjects: list('Further objects; templates in them are rendered.', { type: ['object', 'string'] }),
}
