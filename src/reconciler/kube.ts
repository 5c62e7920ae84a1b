// The few requests to Kubernetes that the reconciler makes. Each read is answered by the API server's store, not by a cache;
// each write is a server-side apply of our own fields, or checked against the version that was read.
import {
  AppsV1Api,
  ApiException,
  BatchV1Api,
  CoordinationV1Api,
  CoreV1Api,
  DiscoveryV1Api,
  EventsV1Api,
  HttpMethod,
  PatchStrategy,
  ServerConfiguration,
  V1MicroTime,
  createConfiguration,
} from './kubernetes.ts'
import type { KubeConfig, RequestContext, V1EndpointSlice, V1Lease, V1Pod, V1StatefulSet } from './kubernetes.ts'
import { must } from '../base/assert.ts'
import { messageOf } from '../base/errors.ts'
import { FORBIDDEN } from './denials.ts'
import { wordsOf } from './leader-endpoint.ts'
import { ordinalOf } from './snapshot.ts'
import type { PodView, SetView } from './snapshot.ts'

const REQUEST_TIMEOUT_MS = 10_000
const OK = 200
const FIELD_MANAGER = 'insi-reconciler'
/** An operator's wish that nothing is changed. */
const PAUSED_ANNOTATION = 'insi.io/paused'
/** Longer notes are refused by the API server. */
const NOTE_CHARS_MAX = 1_000

/** A request that did not succeed. `status` is null when there was no answer. */
export class KubeFailure extends Error {
  override readonly name = 'KubeFailure'
  readonly status: number | null

  constructor(asked: string, status: number | null, reason: string) {
    super(`${asked}: ${status ?? 'no answer'}: ${reason}`)
    this.status = status
  }

  get isDenied(): boolean {
    return this.status === FORBIDDEN
  }
}

export interface ObservedSet {
  readonly view: SetView
  /** As `key=value,...`: selects its pods. */
  readonly selector: string
}

export interface ConfigMapView {
  readonly data: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** A Lease as far as an election needs it. `version`: an update fails when the object has another one. */
export interface LeaseView {
  readonly version: string
  readonly holder: string | null
  readonly durationSeconds: number
  readonly transitions: number
}

/** When the holder renews a Lease, and when it got it; null when it has it already. ISO 8601. */
export interface LeaseTimes {
  readonly renewedAt: string
  readonly acquiredAt: string | null
}

export interface EventNote {
  readonly reason: string
  readonly note: string
  readonly isWarning: boolean
}

/** An EndpointSlice with at most one endpoint. */
interface SliceView {
  readonly addressType: string
  /** Its endpoint as wordsOf() has it; differs from any when it has several. */
  readonly words: string
}

export interface SliceEndpoint {
  readonly pod: PodView
  readonly addresses: readonly string[]
}

export interface KubeHooks {
  /** Told of each write, by kind of object. */
  readonly onWrite: (object: string) => void
  /** Told of each answer, by verb and object, such as `get configmaps/insi`. */
  readonly onAnswer: (request: string, status: number | null) => void
}

export class Kube {
  readonly config: KubeConfig
  readonly namespace: string
  readonly #hooks: KubeHooks
  readonly #apps: AppsV1Api
  readonly #batch: BatchV1Api
  readonly #core: CoreV1Api
  readonly #coordination: CoordinationV1Api
  readonly #discovery: DiscoveryV1Api
  readonly #events: EventsV1Api

  constructor(config: KubeConfig, namespace: string, hooks: KubeHooks) {
    this.config = config
    this.namespace = namespace
    this.#hooks = hooks
    const cluster = must(config.getCurrentCluster(), 'a configuration of Kubernetes has a cluster')
    const configuration = createConfiguration({
      baseServer: new ServerConfiguration(cluster.server, {}),
      authMethods: { default: config },
      promiseMiddleware: [
        { pre: (context) => Promise.resolve(bounded(context)), post: (answer) => Promise.resolve(answer) },
      ],
    })
    this.#apps = new AppsV1Api(configuration)
    this.#batch = new BatchV1Api(configuration)
    this.#core = new CoreV1Api(configuration)
    this.#coordination = new CoordinationV1Api(configuration)
    this.#discovery = new DiscoveryV1Api(configuration)
    this.#events = new EventsV1Api(configuration)
  }

  /** Null when it does not exist. */
  async readSet(name: string): Promise<ObservedSet | null> {
    const { namespace } = this
    const set = await this.#found(`get statefulsets/${name}`, () =>
      this.#apps.readNamespacedStatefulSet({ name, namespace }),
    )
    if (set === null) return null
    const labels = Object.entries(set.spec?.selector.matchLabels ?? {})
    return { view: setView(name, set), selector: labels.map(([key, value]) => `${key}=${value}`).join(',') }
  }

  async listPods(setName: string, labelSelector: string): Promise<PodView[]> {
    const { namespace } = this
    const list = await this.#call('list pods', () => this.#core.listNamespacedPod({ namespace, labelSelector }))
    return list.items.flatMap((pod) => podView(setName, pod))
  }

  /** Null when it does not exist. */
  async readConfigMap(name: string): Promise<ConfigMapView | null> {
    const { namespace } = this
    const map = await this.#found(`get configmaps/${name}`, () =>
      this.#core.readNamespacedConfigMap({ name, namespace }),
    )
    return map === null ? null : { data: map.data ?? {}, annotations: map.metadata?.annotations ?? {} }
  }

  /** Makes these fields ours and sets them; fields that others own stay. The object must exist. */
  async applyConfigMap(name: string, fields: Partial<ConfigMapView>): Promise<void> {
    const { namespace } = this
    const { annotations, data } = fields
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, annotations }, data }
    await this.#call(`patch configmaps/${name}`, () =>
      this.#core.patchNamespacedConfigMap({ name, namespace, body, fieldManager: FIELD_MANAGER, force: true }),
    )
    this.#hooks.onWrite('configmap')
  }

  /** Null when it does not exist. */
  async readEndpointSlice(name: string): Promise<SliceView | null> {
    const { namespace } = this
    const slice = await this.#found(`get endpointslices/${name}`, () =>
      this.#discovery.readNamespacedEndpointSlice({ name, namespace }),
    )
    return slice === null ? null : sliceView(slice)
  }

  /** Makes the list of endpoints ours; null: it is empty. The object must exist. */
  async applyEndpointSlice(name: string, addressType: string, endpoint: SliceEndpoint | null): Promise<void> {
    const { namespace } = this
    const body = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name, namespace },
      addressType,
      endpoints: endpoint === null ? [] : [endpointOf(endpoint, namespace)],
    }
    await this.#call(`patch endpointslices/${name}`, () =>
      this.#discovery.patchNamespacedEndpointSlice({ name, namespace, body, fieldManager: FIELD_MANAGER, force: true }),
    )
    this.#hooks.onWrite('endpointslice')
  }

  /** When a CronJob last succeeded, or was made while it never has; null when it does not exist. */
  async readCronJobSuccess(name: string): Promise<Date | null> {
    const { namespace } = this
    const job = await this.#found(`get cronjobs/${name}`, () => this.#batch.readNamespacedCronJob({ name, namespace }))
    return job?.status?.lastSuccessfulTime ?? job?.metadata?.creationTimestamp ?? null
  }

  /** Null when it does not exist. */
  async readLease(name: string): Promise<LeaseView | null> {
    const { namespace } = this
    const lease = await this.#found(`get leases/${name}`, () =>
      this.#coordination.readNamespacedLease({ name, namespace }),
    )
    return lease === null ? null : leaseView(lease)
  }

  /** False when somebody else changed it since `lease.version`. */
  async replaceLease(name: string, lease: LeaseView, { acquiredAt, renewedAt }: LeaseTimes): Promise<boolean> {
    const { namespace } = this
    const { durationSeconds, holder, transitions, version } = lease
    const body = {
      metadata: { name, namespace, resourceVersion: version },
      spec: {
        holderIdentity: holder ?? '',
        leaseDurationSeconds: durationSeconds,
        leaseTransitions: transitions,
        renewTime: new V1MicroTime(renewedAt),
        ...(acquiredAt === null ? {} : { acquireTime: new V1MicroTime(acquiredAt) }),
      },
    }
    try {
      await this.#call(`update leases/${name}`, () =>
        this.#coordination.replaceNamespacedLease({ name, namespace, body }),
      )
      return true
    } catch (error) {
      if (error instanceof KubeFailure && error.status === 409) return false
      throw error
    }
  }

  /** An Event about the StatefulSet; `name` must be new. */
  async createEvent(name: string, set: SetView, reporter: string, at: string, { reason, note, isWarning }: EventNote) {
    const { namespace } = this
    const body = {
      metadata: { name, namespace },
      eventTime: new V1MicroTime(at),
      reportingController: FIELD_MANAGER,
      reportingInstance: reporter,
      action: reason,
      reason,
      note: note.slice(0, NOTE_CHARS_MAX),
      type: isWarning ? 'Warning' : 'Normal',
      regarding: { apiVersion: 'apps/v1', kind: 'StatefulSet', name: set.name, namespace, uid: set.uid },
    }
    await this.#call('create events', () => this.#events.createNamespacedEvent({ namespace, body }))
    this.#hooks.onWrite('event')
  }

  async #found<T>(asked: string, request: () => Promise<T>): Promise<T | null> {
    try {
      return await this.#call(asked, request)
    } catch (error) {
      if (error instanceof KubeFailure && error.status === 404) return null
      throw error
    }
  }

  /** `asked`: verb and object, such as `get configmaps/insi` or `list pods`. */
  async #call<T>(asked: string, request: () => Promise<T>): Promise<T> {
    try {
      const answer = await request()
      this.#hooks.onAnswer(asked, OK)
      return answer
    } catch (error) {
      const failure = failureOf(asked, error)
      this.#hooks.onAnswer(asked, failure.status)
      throw failure
    }
  }
}

/** The API client waits for ever by itself, and knows no server-side apply. */
function bounded(context: RequestContext): RequestContext {
  context.setSignal(AbortSignal.timeout(REQUEST_TIMEOUT_MS))
  if (context.getHttpMethod() === HttpMethod.PATCH)
    context.setHeaderParam('Content-Type', PatchStrategy.ServerSideApply)
  return context
}

function failureOf(asked: string, error: unknown): KubeFailure {
  if (!(error instanceof ApiException)) {
    const cause = error instanceof Error ? error.cause : undefined
    return new KubeFailure(asked, null, cause === undefined ? messageOf(error) : messageOf(cause))
  }
  const body: unknown = error.body
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const told = /"message":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1]
  return new KubeFailure(asked, error.code, told ?? text.slice(0, 200))
}

function setView(name: string, set: V1StatefulSet): SetView {
  return {
    name,
    uid: set.metadata?.uid ?? '',
    replicas: set.spec?.replicas ?? 1,
    firstOrdinal: set.spec?.ordinals?.start ?? 0,
    isDeleting: set.metadata?.deletionTimestamp !== undefined,
    isPaused: set.metadata?.annotations?.[PAUSED_ANNOTATION] === 'true',
  }
}

/** Empty for a pod that only bears the set's labels. */
function podView(setName: string, pod: V1Pod): PodView[] {
  const name = pod.metadata?.name ?? ''
  const ordinal = ordinalOf(setName, name)
  const isOurs = pod.metadata?.ownerReferences?.some((owner) => owner.kind === 'StatefulSet' && owner.name === setName)
  if (ordinal === null || isOurs !== true) return []
  const isReady = pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true
  const isRunning = pod.status?.phase === 'Running'
  const ips = (pod.status?.podIPs ?? []).map(({ ip }) => ip)
  return [{ name, ordinal, ips, isRunning, isReady, isTerminating: pod.metadata?.deletionTimestamp !== undefined }]
}

function sliceView({ addressType, endpoints }: V1EndpointSlice): SliceView {
  const words = (endpoints ?? []).map(({ addresses, conditions, targetRef }) =>
    conditions?.ready === true ? wordsOf({ name: targetRef?.name ?? '' }, addresses) : 'not ready',
  )
  return { addressType, words: words.join(', ') }
}

function endpointOf({ addresses, pod }: SliceEndpoint, namespace: string) {
  return {
    addresses: [...addresses],
    conditions: { ready: true, serving: true, terminating: false },
    targetRef: { kind: 'Pod', name: pod.name, namespace },
  }
}

function leaseView({ metadata, spec }: V1Lease): LeaseView {
  return {
    version: metadata?.resourceVersion ?? '',
    holder: spec?.holderIdentity === undefined || spec.holderIdentity === '' ? null : spec.holderIdentity,
    durationSeconds: spec?.leaseDurationSeconds ?? 0,
    transitions: spec?.leaseTransitions ?? 0,
  }
}
