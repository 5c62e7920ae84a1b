// A release of the chart in a namespace of its own, for suites that scale it and break it under load.
import { randomBytes } from 'node:crypto'
import { AcknowledgedWriter } from '../support/acknowledged-writer.ts'
import { eventually } from '../support/eventually.ts'
import { CHART, IMAGE, PortForward, helm, kubectl } from './cluster-tools.ts'

const SETTLE_TIMEOUT_MS = 150_000

interface LoadReport {
  readonly acknowledged: number
  readonly failed: number
  readonly longestGapMs: number
}

export class ScaledRelease {
  readonly namespace = `insi-test-${randomBytes(4).toString('hex')}`
  #apiKey = ''
  readonly #forwards = new Map<string, PortForward>()

  /** Installs three nodes and makes a key. */
  async install(): Promise<void> {
    const [repository = '', tag = ''] = IMAGE.split(':')
    const values = [
      `image.repository=${repository}`,
      `image.tag=${tag}`,
      'persistence.size=1Gi',
      'resources.limits.memory=512Mi',
    ]
    await kubectl('create', 'namespace', this.namespace)
    await kubectl('label', 'namespace', this.namespace, 'pod-security.kubernetes.io/enforce=restricted')
    const set = values.flatMap((value) => ['--set', value])
    await helm('install', 'insi', CHART, '--namespace', this.namespace, ...set, '--wait', '--timeout', '150s')
    const made = await this.insic('insi-0', 'admin', 'create-key', 'load')
    this.#apiKey = /insi_\S+/.exec(made)?.[0] ?? ''
  }

  async remove(): Promise<void> {
    for (const forward of this.#forwards.values()) forward.close()
    // First: while the reconciler can tell them that all of them go, pods do not wait for each other.
    await this.kubectl('delete', 'statefulset', 'insi', '--cascade=foreground', '--wait=true', '--timeout=120s')
    await kubectl('delete', 'namespace', this.namespace, '--wait=true', '--timeout=150s')
  }

  kubectl(...words: string[]): Promise<string> {
    return kubectl('--namespace', this.namespace, ...words)
  }

  insic(pod: string, ...words: string[]): Promise<string> {
    return this.kubectl('exec', pod, '--', 'insic', '--config', '/etc/insi/cluster.yaml', ...words)
  }

  async scale(replicas: number): Promise<void> {
    await this.kubectl('scale', 'statefulset/insi', `--replicas=${replicas}`)
  }

  /** What the reconciler says. */
  async status(): Promise<Readonly<Record<string, string>>> {
    const map = JSON.parse(await this.kubectl('get', 'configmap', 'insi-status', '-o', 'json')) as {
      data?: Record<string, string>
    }
    return map.data ?? {}
  }

  /** Waits until exactly these voters are left, nothing is under way, and as many pods run. Resolves with how long it took. */
  async settled(replicas: number): Promise<number> {
    const startMs = performance.now()
    const voters = Array.from({ length: replicas }, (_, ordinal) => `insi-${ordinal}`).join(',')
    const selector = 'app.kubernetes.io/component=server'
    await eventually(
      `the voters are ${voters}`,
      async () => {
        const { learners, state, voters: found } = await this.status()
        const pods = (await this.kubectl('get', 'pods', '-l', selector, '-o', 'name')).trim().split('\n')
        const isDone = found === voters && learners === '' && state === 'idle' && pods.length === replicas
        if (!isDone) throw new Error(JSON.stringify({ found, learners, state, pods }))
        return true
      },
      { timeoutMs: SETTLE_TIMEOUT_MS },
    )
    return Math.round(performance.now() - startMs)
  }

  /** Kills the pod that acts, without giving it time for anything. */
  async killReconciler(): Promise<void> {
    const selector = 'app.kubernetes.io/component=reconciler'
    await this.kubectl('delete', 'pod', '-l', selector, '--grace-period=0', '--force')
  }

  /** Waits until the number of pods or the membership is another one than now. */
  async takesAStep(): Promise<void> {
    const look = async (): Promise<string> =>
      `${(await this.status())['voters']} ${await this.kubectl('get', 'pods', '-l', 'app.kubernetes.io/component=server', '-o', 'name')}`
    const before = await look()
    await eventually('something has changed', async () => ((await look()) === before ? undefined : true), {
      timeoutMs: 60_000,
    })
  }

  /** The sum of a series of the reconciler. */
  async reconcilerSeries(name: string): Promise<number> {
    const path = `/api/v1/namespaces/${this.namespace}/services/insi-reconciler:9090/proxy/metrics`
    const text = await kubectl('get', '--raw', path)
    const values = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    return values.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  }

  /** Does something under load through these pods, and expects that every acknowledged write can be read through the first. */
  async underLoad(pods: readonly string[], disturb: () => Promise<void>): Promise<LoadReport> {
    const targets = pods.map((pod) => this.#target(pod))
    const writer = new AcknowledgedWriter(targets, this.#apiKey)
    const isMore = (count: number) => (): true | undefined => (writer.acknowledgedCount > count ? true : undefined)
    await eventually('the load runs', isMore(50), { timeoutMs: 30_000 })
    await disturb()
    await eventually('writes go on', isMore(writer.acknowledgedCount + 50), { timeoutMs: 30_000 })
    const report = await writer.stop()
    expect(await writer.lost(targets.slice(0, 1))).toEqual([])
    return report
  }

  #target(pod: string): () => string {
    const forward = this.#forwards.get(pod) ?? new PortForward(this.namespace, `pod/${pod}`)
    this.#forwards.set(pod, forward)
    return () => forward.url
  }
}

export const report = (line: string): void => void process.stdout.write(`${line}\n`)
