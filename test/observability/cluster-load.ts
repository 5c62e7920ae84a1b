// Work for a cluster of processes at a steady, modest rate: tenants that write, read, cache, publish, subscribe and watch, on all
// nodes, some of them near their limits. Requests may fail while a leader is away; what they answered is counted.
import { setInterval as every } from 'node:timers/promises'
import { type SocketReader, openSocket } from '../support/event-client.ts'
import type { ProcessCluster } from '../support/process-cluster.ts'

const ROUND_INTERVAL_MS = 25
const TENANTS = 8
const TOPICS = ['orders', 'users', 'audit']
const KEYS = 200
const SMALL_LIMIT_BYTES = 400_000
const RATE_LIMITED_PER_SECOND = 20

interface Tenant {
  readonly token: string
  readonly valueBytes: number
}

export class ClusterLoad {
  readonly #cluster: ProcessCluster
  readonly #tenants: readonly Tenant[]
  readonly #stopping = new AbortController()
  readonly #sockets: SocketReader[] = []
  readonly #watches: Promise<unknown>[] = []
  #running: Promise<void> = Promise.resolve()
  #round = 0
  /** Requests by status; 0: no answer. */
  readonly statuses = new Map<number, number>()

  private constructor(cluster: ProcessCluster, tenants: readonly Tenant[]) {
    this.#cluster = cluster
    this.#tenants = tenants
  }

  /** Makes the tenants with their limits, connects subscribers and watchers, and begins. */
  static async start(cluster: ProcessCluster): Promise<ClusterLoad> {
    const tenants: Tenant[] = []
    const [node = ''] = cluster.nodeIds
    const root = { private: true }
    for (let at = 0; at < TENANTS; at += 1) {
      const made = await cluster.call(node, '/db/api/v1/admin/api/create', {
        ...root,
        body: { key_name: `shop ${at}` },
      })
      const token = (made.json() as { key: string }).key
      const limits = {
        bytes_on_disk: SMALL_LIMIT_BYTES * (at + 1),
        bytes_in_memory: SMALL_LIMIT_BYTES,
        events_emitted: 20_000,
        subscribers: 10,
        rate_per_second_data_limit: at === 0 ? RATE_LIMITED_PER_SECOND : 1_000,
      }
      await cluster.call(node, '/db/api/v1/admin/limits/set', { ...root, body: { api_key: token, limits } })
      tenants.push({ token, valueBytes: 200 * (at + 1) })
    }
    const load = new ClusterLoad(cluster, tenants)
    await load.#connect(cluster.nodeIds)
    load.#running = load.#run()
    return load
  }

  /** Connects subscribers and watchers to these nodes, such as one that came back. */
  async reconnect(nodeId: string): Promise<void> {
    await this.#connect([nodeId])
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
    await Promise.all([...this.#watches, ...this.#sockets.map((socket) => socket.close())])
  }

  async #connect(nodeIds: readonly string[]): Promise<void> {
    for (const [at, nodeId] of nodeIds.entries()) {
      const authorization = this.#tenants[at]?.token ?? ''
      const url = this.#cluster.publicUrl(nodeId)
      const topic = TOPICS[at % TOPICS.length] ?? ''
      const subscribe = `${url.replace('http', 'ws')}/db/api/v1/events/subscribe?topic=${topic}`
      this.#sockets.push(await openSocket(subscribe, { headers: { authorization } }))
      this.#watches.push(this.#watch(`${url}/db/api/v1/watch?prefix=k`, authorization))
    }
  }

  /** Reads changes until the load stops or the node dies. */
  async #watch(url: string, authorization: string): Promise<void> {
    try {
      const answer = await fetch(url, {
        headers: { authorization, accept: 'text/event-stream' },
        signal: this.#stopping.signal,
      })
      for await (const _chunk of answer.body ?? []);
    } catch {
      // The node that it was connected to is gone, or the load has stopped.
    }
  }

  async #run(): Promise<void> {
    const under = new Set<Promise<void>>()
    try {
      for await (const _tick of every(ROUND_INTERVAL_MS, null, { signal: this.#stopping.signal })) {
        const work = this.#oneRound(this.#round).finally(() => under.delete(work))
        this.#round += 1
        under.add(work)
      }
    } catch (error) {
      if ((error as Error).name !== 'AbortError') throw error
    }
    await Promise.all(under)
  }

  /** A write, reads of one key that is there and one that is not, and now and then an event and a batch. */
  async #oneRound(round: number): Promise<void> {
    const { nodeIds } = this.#cluster
    const nodeId = nodeIds[round % nodeIds.length] ?? ''
    const { token = '', valueBytes = 0 } = this.#tenants[round % this.#tenants.length] ?? {}
    const key = `k${round % KEYS}`
    const call = async (target: string, body?: object): Promise<void> => {
      const options = { token, timeoutMs: 5_000, ...(body === undefined ? {} : { body }) }
      const status = await this.#cluster.call(nodeId, target, options).then(
        (answer) => answer.status,
        () => 0,
      )
      this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1)
    }
    const work = [
      call('/db/api/v1/set', { key, value: 'x'.repeat(valueBytes) }),
      call(`/db/api/v1/get?key=${key}`),
      call(`/db/api/v1/get?key=k${(round * 7) % KEYS}`),
      call(`/db/api/v1/cache/get?key=${key}`),
    ]
    if (round % 2 === 0) work.push(call('/db/api/v1/cache/set', { key, value: 'c'.repeat(valueBytes), ttl_ms: 60_000 }))
    if (round % 4 === 1) work.push(call('/db/api/v1/events', { topic: TOPICS[round % TOPICS.length], data: { round } }))
    if (round % 8 === 0)
      work.push(call('/db/api/v1/get?key=absent'), call('/db/api/v1/iterate/prefix?prefix=k&limit=20'))
    await Promise.all(work)
  }
}
