// A release of the chart in a namespace of its own, which enforces the restricted pod security: installed, reached, scaled, and
// disturbed under a load that counts its acknowledged writes.
import { randomBytes } from 'node:crypto'
import { AcknowledgedWriter } from '../support/acknowledged-writer.ts'
import type { AcknowledgedReport } from '../support/acknowledged-writer.ts'
import { eventually } from '../support/eventually.ts'
import { CHART, IMAGE, PortForward, helm, kubectl } from './cluster-tools.ts'
import { record } from './measurements.ts'
import { sumOf } from './metrics-text.ts'

const SETTLE_TIMEOUT_MS = 150_000
const REACHABLE_TIMEOUT_MS = 60_000
const ANSWER_TIMEOUT_MS = 10_000
const WRITES_MIN = 50
const WRITERS = 4
/** Between two writes of one writer: the nodes, Kubernetes and the load share one machine. */
const PAUSE_MS = 10
const SERVERS = 'app.kubernetes.io/component=server'
const RECONCILERS = 'app.kubernetes.io/component=reconciler'
const WAIT = ['--wait', '--timeout', '150s']

/** The part of `insic cluster members` that tests need. */
interface Members {
  readonly members: readonly { readonly node_id: string; readonly member_id: string }[]
}

interface LoadOptions {
  /** The writers go through these pods; they must be there at the end, and each is asked for what was written. */
  readonly through: readonly string[]
  /** Bounds of what a rolling upgrade may cost; the table at the end of a run shows the gap beside its own. */
  readonly target?: { readonly leaderMoves: number; readonly longestGapMs: number }
}

/** The names of the first `count` pods. */
export const pods = (count: number): string[] => Array.from({ length: count }, (_, ordinal) => `insi-${ordinal}`)

/** The values that select an image. */
export function imageValues(image: string): string[] {
  const [repository = '', tag = ''] = image.split(':')
  return [`image.repository=${repository}`, `image.tag=${tag}`]
}

const flags = (values: readonly string[]): string[] => values.flatMap((value) => ['--set', value])

export class Release {
  readonly namespace = `insi-test-${randomBytes(4).toString('hex')}`
  #apiKey = ''
  readonly #forwards = new Map<string, PortForward>()

  /** Makes the namespace, installs the chart (three nodes unless said otherwise) and makes a key. Resolves with the notes. */
  async create(...values: string[]): Promise<string> {
    await kubectl('create', 'namespace', this.namespace)
    await kubectl('label', 'namespace', this.namespace, 'pod-security.kubernetes.io/enforce=restricted')
    const notes = await this.install(...values)
    const made = await this.insic('insi-0', 'admin', 'create-key', 'load')
    this.#apiKey = /insi_\S+/.exec(made)?.[0] ?? ''
    expect(this.#apiKey).not.toBe('')
    return notes
  }

  install(...values: string[]): Promise<string> {
    return this.#helm(['install', 'insi', CHART], values, WAIT)
  }

  /** With the options of the installation and these; resolves once every pod is replaced and ready. */
  upgrade(...values: string[]): Promise<string> {
    return this.#helm(['upgrade', 'insi', CHART], values, WAIT)
  }

  /** Like `upgrade`, without waiting for the pods. */
  beginUpgrade(...values: string[]): Promise<string> {
    return this.#helm(['upgrade', 'insi', CHART], values, [])
  }

  #helm(words: readonly string[], values: readonly string[], wait: readonly string[]): Promise<string> {
    const common = [...imageValues(IMAGE), 'persistence.size=1Gi', 'resources.limits.memory=512Mi']
    return helm(...words, '--namespace', this.namespace, ...flags([...common, ...values]), ...wait)
  }

  async remove(): Promise<void> {
    for (const forward of this.#forwards.values()) forward.close()
    // Nobody needs its data any more, so no pod has to wait for another one.
    await this.kubectl('delete', 'statefulset', 'insi', '--cascade=orphan', '--ignore-not-found')
    await this.kubectl('delete', 'pods', '--all', '--grace-period=1', '--timeout=120s')
    await kubectl('delete', 'namespace', this.namespace, '--wait=true', '--timeout=150s')
  }

  get apiKey(): string {
    return this.#apiKey
  }

  kubectl(...words: string[]): Promise<string> {
    return kubectl('--namespace', this.namespace, ...words)
  }

  insic(pod: string, ...words: string[]): Promise<string> {
    return this.kubectl('exec', pod, '--', 'insic', '--config', '/etc/insi/cluster.yaml', ...words)
  }

  /** A field of an object, in kubectl's JSONPath. */
  field(object: string, path: string): Promise<string> {
    return this.kubectl('get', object, '-o', `jsonpath={${path}}`)
  }

  async scale(replicas: number): Promise<void> {
    await this.kubectl('scale', 'statefulset/insi', `--replicas=${replicas}`)
  }

  rolledOut(): Promise<string> {
    return this.kubectl('rollout', 'status', 'statefulset/insi', '--timeout=180s')
  }

  serversGone(): Promise<string> {
    return this.kubectl('wait', '--for=delete', 'pod', '-l', SERVERS, '--timeout=120s')
  }

  async podNames(): Promise<string[]> {
    return (await this.kubectl('get', 'pods', '-l', SERVERS, '-o', 'jsonpath={.items[*].metadata.name}')).split(' ')
  }

  uidsOf(names: readonly string[]): Promise<string[]> {
    return Promise.all(names.map((name) => this.field(`pod/${name}`, '.metadata.uid')))
  }

  /** What the reconciler says. */
  async status(): Promise<Readonly<Record<string, string>>> {
    const map = JSON.parse(await this.kubectl('get', 'configmap', 'insi-status', '-o', 'json')) as {
      data?: Record<string, string>
    }
    return map.data ?? {}
  }

  /** The member of each node as the leader sees it, asked through this pod; fails while there is no leader. */
  async members(pod: string): Promise<Readonly<Record<string, string>>> {
    const text = await this.insic(pod, '--root', '-o', 'json', 'cluster', 'members')
    const { members } = JSON.parse(text) as Members
    return Object.fromEntries(members.map((member) => [member.node_id, member.member_id]))
  }

  /** Waits until exactly these voters are left, nothing is under way, and as many pods are ready. Resolves with how long it took. */
  async settled(replicas: number): Promise<number> {
    const startMs = performance.now()
    const voters = pods(replicas).join(',')
    await eventually(
      `the voters are ${voters}`,
      async () => {
        const { learners, state, voters: found } = await this.status()
        const running = await this.podNames()
        const ready = await this.field('statefulset/insi', '.status.readyReplicas')
        const arePods = running.length === replicas && ready === String(replicas)
        const isDone = found === voters && learners === '' && state === 'idle' && arePods
        if (!isDone) throw new Error(JSON.stringify({ found, learners, state, running, ready }))
        return true
      },
      { timeoutMs: SETTLE_TIMEOUT_MS },
    )
    return Math.round(performance.now() - startMs)
  }

  /** Kills the reconciler's pod, without giving it time for anything. */
  async killReconciler(): Promise<void> {
    await this.kubectl('delete', 'pod', '-l', RECONCILERS, '--grace-period=0', '--force')
  }

  /** Waits until the number of pods or the membership is another one than now. */
  async takesAStep(): Promise<void> {
    const look = async (): Promise<string> => `${(await this.status())['voters']} ${(await this.podNames()).join()}`
    const before = await look()
    await eventually('something has changed', async () => ((await look()) === before ? undefined : true), {
      timeoutMs: 60_000,
    })
  }

  /** What a pod or service (`services/NAME:PORT`, `pods/NAME:PORT`) answers, through the API server. */
  proxied(target: string, path: string): Promise<string> {
    return kubectl('get', '--raw', `/api/v1/namespaces/${this.namespace}/${target}/proxy${path}`)
  }

  metricsOf(pod: string): Promise<string> {
    return this.proxied(`pods/${pod}:9090`, '/metrics')
  }

  async reconcilerSeries(name: string): Promise<number> {
    return sumOf(await this.proxied('services/insi-reconciler:9090', '/metrics'), name)
  }

  /** The highest term that any pod knows: each move of the leadership, and each failed election, makes it one more. */
  async term(): Promise<number> {
    const terms = (await this.podNames()).map(async (pod) => sumOf(await this.metricsOf(pod), 'insi_raft_term'))
    return Math.max(...(await Promise.all(terms)))
  }

  /** Where the public listener of a pod can be reached; the function throws while it cannot. */
  target(pod: string): () => string {
    const forward = this.#forwards.get(pod) ?? new PortForward(this.namespace, `pod/${pod}`)
    this.#forwards.set(pod, forward)
    return () => forward.url
  }

  /** One request with the key through a pod. */
  call(pod: string, path: string, body?: unknown): Promise<Response> {
    return fetch(this.target(pod)() + path, {
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      headers: { authorization: `Bearer ${this.#apiKey}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    })
  }

  /** The pod that leads, as the given one sees it. */
  leader(pod: string): Promise<string> {
    return eventually(
      'a leader is known',
      async () => {
        const answer = await this.call(pod, '/db/api/v1/ping')
        const address = ((await answer.json()) as { leader?: string }).leader ?? ''
        return address.split('.')[0] || undefined
      },
      { timeoutMs: REACHABLE_TIMEOUT_MS },
    )
  }

  async reachable(names: readonly string[]): Promise<void> {
    for (const pod of names) {
      await eventually(`${pod} answers`, () => this.#isReachable(pod), { timeoutMs: REACHABLE_TIMEOUT_MS })
    }
  }

  async #isReachable(pod: string): Promise<true | undefined> {
    try {
      return (await this.call(pod, '/db/api/v1/ping')).ok || undefined
    } catch (error) {
      // A refused connection is one of a forward that starts just now.
      if ((error as { readonly name?: unknown }).name === 'TimeoutError') this.#forwards.get(pod)?.restart()
      throw error
    }
  }

  /** Resolves once `count` writes are acknowledged. */
  async startLoad(through: readonly string[], count = WRITES_MIN): Promise<AcknowledgedWriter> {
    await this.reachable(through)
    const writer = new AcknowledgedWriter(
      through.map((pod) => this.target(pod)),
      this.#apiKey,
      WRITERS,
      PAUSE_MS,
    )
    await eventually('the load runs', () => (writer.acknowledgedCount >= count ? true : undefined))
    return writer
  }

  /** Expects that everything that was acknowledged can be read through each of these pods. */
  async expectKept(writer: AcknowledgedWriter, names: readonly string[]): Promise<void> {
    await this.reachable(names)
    expect(await writer.lost(names.map((pod) => this.target(pod)))).toEqual([])
  }

  /** Does something under load, expects that writes go on and that none is lost, and records what it cost. */
  async underLoad(scenario: string, options: LoadOptions, disturb: () => Promise<void>): Promise<AcknowledgedReport> {
    const writer = await this.startLoad(options.through)
    const termBefore = await this.term()
    const startMs = performance.now()
    await disturb()
    const tookMs = performance.now() - startMs
    const after = writer.acknowledgedCount
    await eventually('writes go on', () => (writer.acknowledgedCount > after + WRITES_MIN ? true : undefined), {
      timeoutMs: 30_000,
    })
    const report = await writer.stop()
    const leaderMoves = (await this.term()) - termBefore
    await this.expectKept(writer, options.through)
    const { acknowledged, failed, longestGapMs } = report
    const { target } = options
    const targetGapMs = target?.longestGapMs ?? null
    record({ scenario, tookMs, acknowledged, failed, longestGapMs, targetGapMs, leaderMoves })
    expect(report.abandoned).toBe(0)
    if (target !== undefined) {
      expect(leaderMoves).toBeLessThanOrEqual(target.leaderMoves)
      expect(longestGapMs).toBeLessThanOrEqual(target.longestGapMs)
    }
    return report
  }
}

export const report = (line: string): void => void process.stdout.write(`${line}\n`)
