// The EndpointSlice behind the service that leads to the leader. It is written when the leader, or its address, is another one.
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Kube, SliceEndpoint } from './kube.ts'
import type { PodView } from './snapshot.ts'

/** An election does not take the endpoint away; a cluster without a leader does. */
const LEADERLESS_MS = 10_000

export interface LeaderEndpointDeps {
  readonly kube: Kube
  readonly clock: Clock
  readonly log: Log
}

export class LeaderEndpoint {
  readonly #deps: LeaderEndpointDeps
  readonly #sliceName: string
  #ledAtMs: number
  /** What the slice says, as far as we know; null: unknown. */
  #written: string | null = null

  constructor(deps: LeaderEndpointDeps, sliceName: string) {
    this.#deps = deps
    this.#sliceName = sliceName
    this.#ledAtMs = deps.clock.monotonicMs()
  }

  /** Looks at the slice itself next time: somebody else may have changed it. */
  doubt(): void {
    this.#written = null
  }

  /** Points the slice to the pod of the leader; to none when there has been no leader for a while. Rejects with KubeFailure. */
  async follow(leader: string | null, pods: readonly PodView[]): Promise<void> {
    const { clock, kube, log } = this.#deps
    const nowMs = clock.monotonicMs()
    if (leader !== null) this.#ledAtMs = nowMs
    else if (nowMs - this.#ledAtMs < LEADERLESS_MS) return
    const pod = pods.find(({ isRunning, name }) => name === leader && isRunning)
    // The pods that were seen last may be older than the leader.
    if (leader !== null && pod === undefined) return
    const wanted = wordsOf(pod, pod?.ips ?? [])
    if (wanted === this.#written) return
    const slice = await kube.readEndpointSlice(this.#sliceName)
    if (slice === null) return
    const addresses = (pod?.ips ?? []).filter((ip) => ip.includes(':') === (slice.addressType === 'IPv6')).slice(0, 1)
    const endpoint: SliceEndpoint | null = pod === undefined || addresses.length === 0 ? null : { pod, addresses }
    if (wordsOf(endpoint?.pod, addresses) !== slice.words) {
      await kube.applyEndpointSlice(this.#sliceName, slice.addressType, endpoint)
      log.info({ leader, addresses }, 'leader endpoint written')
    }
    this.#written = wanted
  }
}

/** Equal for equal endpoints. */
export function wordsOf(pod: { readonly name: string } | undefined, addresses: readonly string[]): string {
  return pod === undefined || addresses.length === 0 ? '' : `${pod.name} ${addresses.join(' ')}`
}
