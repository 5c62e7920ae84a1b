// The loop: look, plan, apply; again when something changed, and every half minute in any case. Acts only while it holds the lease.
import { delay } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import { Applier } from './apply.ts'
import type { ApplyDeps } from './apply.ts'
import { followBackups } from './backup-age.ts'
import { Election } from './election.ts'
import { Evidence } from './evidence.ts'
import { watchFor } from './kube-watch.ts'
import type { WatchDeps } from './kube-watch.ts'
import { LeaderEndpoint } from './leader-endpoint.ts'
import { observe } from './observe.ts'
import type { Observation } from './observe.ts'
import { plan } from './plan.ts'
import type { Plan, PlanOptions } from './plan.ts'
import { RepeatedFailure } from './repeated-failure.ts'
import { freezeOf, isWanted, ordinalOf } from './snapshot.ts'
import type { PodView } from './snapshot.ts'

/** What happens within this time is looked at once. */
const COALESCE_MS = 100
const IDLE_MS = 30_000
/** While something is under way, or waits for a second look. */
const BUSY_MS = 1_000
const FAILED_MIN_MS = 1_000
/** How soon a new leader is noticed, when an EndpointSlice follows it. */
const LEADER_POLL_MS = 500
/** A pass must have seen everything within this time. */
const STALL_MS = 90_000
const MS_PER_SECOND = 1_000

/** `wanted`: the pod stays. `condemned`: it goes for good. `asleep`: every pod goes, and membership stays as it is. */
export interface Verdict {
  readonly verdict: 'wanted' | 'condemned' | 'asleep'
  readonly reason: string
}

export interface Pass {
  readonly observed: Observation
  readonly plan: Plan
}

export class Reconciler {
  readonly #deps: ApplyDeps
  readonly #options: PlanOptions
  readonly #applier: Applier
  readonly #election: Election
  #evidence = Evidence.none
  #lastSuccessMs = Number.NEGATIVE_INFINITY
  #lastState = ''
  #failures = 0
  #pods: readonly PodView[] = []
  readonly #failing: RepeatedFailure
  readonly #leaderless: RepeatedFailure
  readonly #leaderEndpoint: LeaderEndpoint | null
  #wake: () => void = () => undefined
  #isWoken = false

  constructor(deps: ApplyDeps, options: PlanOptions) {
    const { clock, kube, leaderSlice, log, names, random, self } = deps
    this.#deps = deps
    this.#options = options
    this.#applier = new Applier(deps)
    deps.denials.setListener(() => this.poke())
    this.#failing = new RepeatedFailure(deps, 'a pass failed')
    this.#leaderless = new RepeatedFailure(deps, 'no leader is seen')
    this.#leaderEndpoint = leaderSlice === null ? null : new LeaderEndpoint(deps, leaderSlice)
    this.#election = new Election({ store: kube, leaseName: names.lease, self, clock, random, log })
  }

  /** Works until the signal aborts; then gives the lease back. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.#election.run(signal, () => this.poke()),
      this.#watch(signal),
      this.#loop(signal),
      this.#leaderEndpoint === null ? undefined : this.#followLeader(this.#leaderEndpoint, signal),
      this.#deps.backupCronJob === null ? undefined : followBackups(this.#deps, this.#deps.backupCronJob, signal),
    ])
    this.#deps.raft.close()
    this.#deps.nodes.close()
  }

  /** One look and its plan; nothing is written. Rejects with KubeFailure. */
  async look(): Promise<Pass> {
    const observed = await observe(this.#deps)
    this.#pods = observed.snapshot.pods
    const planned = plan(observed.snapshot, this.#evidence, this.#options)
    this.#evidence = planned.evidence
    return { observed, plan: planned }
  }

  /** One pass. Rejects with KubeFailure. */
  async pass(): Promise<Pass> {
    const pass = await this.look()
    await this.#applier.apply(pass.observed, pass.plan)
    return pass
  }

  /** Look again soon. */
  poke(): void {
    this.#isWoken = true
    this.#wake()
  }

  /**
   * Whether a pod that was asked to stop must first be removed from the cluster: it is above what the StatefulSet wants, and the
   * StatefulSet is neither asleep nor going itself. Rejects with KubeFailure.
   */
  async verdict(podName: string): Promise<Verdict> {
    const { kube, names } = this.#deps
    const set = (await kube.readSet(names.set))?.view ?? null
    const frozen = freezeOf(set)
    if (set === null || frozen !== null) {
      return { verdict: set?.isPaused === true ? 'wanted' : 'asleep', reason: frozen ?? '' }
    }
    const ordinal = ordinalOf(names.set, podName)
    if (ordinal === null) return { verdict: 'wanted', reason: `${podName} is no pod of ${names.set}` }
    if (isWanted(set, ordinal)) return { verdict: 'wanted', reason: `${podName} is wanted` }
    this.poke()
    return { verdict: 'condemned', reason: `${set.replicas} replicas are wanted` }
  }

  /** Null when all is well: the holder sees everything, and others at least Kubernetes. */
  notReadyReason(): string | null {
    const { clock, denials } = this.#deps
    const denied = denials.requests
    if (this.#election.silenceMs > STALL_MS) {
      return denied.length === 0 ? 'Kubernetes does not answer' : `Kubernetes does not allow: ${denied.join(', ')}`
    }
    const isStalled = this.#election.isHolder && clock.monotonicMs() - this.#lastSuccessMs > STALL_MS
    return isStalled ? `no pass succeeded for ${STALL_MS / MS_PER_SECOND} s` : null
  }

  async #loop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const pauseMs = this.#election.isHolder ? await this.#tryPass() : await this.#standBy()
      this.#deps.metrics.set('insi_reconciler_is_lease_holder', this.#election.isHolder ? 1 : 0)
      await this.#sleep(pauseMs, signal)
    }
  }

  /** Somebody else acts; or nobody, because the lease itself is denied. Resolves with the time until the next look. */
  async #standBy(): Promise<number> {
    await this.#applier.reportDenials().catch(() => undefined)
    return IDLE_MS
  }

  /** Resolves with the time until the next pass. */
  async #tryPass(): Promise<number> {
    const { clock, metrics, random } = this.#deps
    const startedAtMs = clock.monotonicMs()
    try {
      const { observed, plan: planned } = await this.pass()
      this.#failures = 0
      this.#failing.succeeded()
      this.#lastSuccessMs = clock.monotonicMs()
      this.#report(observed, planned)
      metrics.set('insi_reconciler_pass_duration_seconds', (this.#lastSuccessMs - startedAtMs) / MS_PER_SECOND)
      metrics.set('insi_reconciler_last_success_timestamp_seconds', clock.nowMs() / MS_PER_SECOND)
      const { isBehind } = this.#applier
      const isBusy = !['idle', 'frozen'].includes(planned.state) || planned.evidence.isPending || isBehind
      return isBusy ? BUSY_MS : IDLE_MS - IDLE_MS / 10 + random.int(IDLE_MS / 5)
    } catch (error) {
      // What was seen before is old now.
      this.#evidence = Evidence.none
      this.#failures += 1
      metrics.count('insi_reconciler_passes_total', { result: 'failed' })
      this.#failing.failed(messageOf(error))
      await this.#applier.reportDenials().catch(() => undefined)
      const backoffMs = Math.min(IDLE_MS, FAILED_MIN_MS * 2 ** Math.min(this.#failures - 1, 5))
      return backoffMs + random.int(backoffMs)
    }
  }

  #report({ snapshot }: Observation, { reason, state }: Plan): void {
    const { log, metrics, raft } = this.#deps
    if (state !== 'blind' || raft.obstacle === null) this.#leaderless.succeeded()
    else this.#leaderless.failed(raft.obstacle)
    metrics.count('insi_reconciler_passes_total', { result: state })
    const voters = snapshot.raft?.members.filter((member) => member.role === 'voter').length
    if (voters !== undefined) metrics.set('insi_reconciler_voters', voters)
    metrics.set('insi_reconciler_voters_wanted', snapshot.set?.replicas ?? 0)
    const told = `${state}: ${reason}`
    if (told === this.#lastState) return
    this.#lastState = told
    log.info({ state, reason }, 'state')
  }

  /** Asks the cluster alone: Kubernetes only hears of it when the leader is another one. */
  async #followLeader(endpoint: LeaderEndpoint, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps
    // A pass that sees other pods than these must not lose its connections over it.
    const raft = this.#deps.raft.another()
    const failing = new RepeatedFailure(this.#deps, 'the leader endpoint was not written')
    let leader: string | null = null
    let passPods = this.#pods
    while (!signal.aborted) {
      if (this.#election.isHolder && this.#pods.length > 0) {
        const seen = await raft.view(this.#pods)
        if (seen !== null && seen.leader !== leader) this.poke()
        leader = seen?.leader ?? null
        // Each pass is an occasion to undo what others did to the slice.
        if (passPods !== this.#pods) endpoint.doubt()
        passPods = this.#pods
        await endpoint.follow(leader, this.#pods).then(
          () => failing.succeeded(),
          (error: unknown) => failing.failed(messageOf(error)),
        )
      }
      await delay(clock, LEADER_POLL_MS, signal).catch(() => undefined)
    }
    raft.close()
  }

  /** Until the time is up or somebody pokes; what else happens just then is waited for. */
  async #sleep(pauseMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps
    if (!this.#isWoken && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = clock.after(pauseMs, resolve)
        this.#wake = () => {
          timer.cancel()
          resolve()
        }
        signal.addEventListener('abort', this.#wake, { once: true })
      })
      signal.removeEventListener('abort', this.#wake)
      this.#wake = () => undefined
    }
    if (!this.#isWoken) return
    await delay(clock, COALESCE_MS, signal).catch(() => undefined)
    this.#isWoken = false
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { denials, kube, names } = this.#deps
    const deps = (resource: string): WatchDeps => ({
      ...this.#deps,
      config: kube.config,
      signal,
      onAnswer: (status) => denials.answered(`watch ${resource}`, status),
    })
    const poke = (): void => this.poke()
    const core = `/api/v1/namespaces/${kube.namespace}`
    const named = (name: string): { fieldSelector: string } => ({ fieldSelector: `metadata.name=${name}` })
    const selector = await this.#selector(signal)
    if (selector === null) return
    await Promise.all([
      watchFor(
        deps(`statefulsets/${names.set}`),
        `/apis/apps/v1/namespaces/${kube.namespace}/statefulsets`,
        named(names.set),
        poke,
      ),
      watchFor(deps(`configmaps/${names.topology}`), `${core}/configmaps`, named(names.topology), poke),
      watchFor(deps('pods'), `${core}/pods`, { labelSelector: selector }, poke),
    ])
  }

  /** What selects the pods, once there is a StatefulSet; null when the signal aborts first. */
  async #selector(signal: AbortSignal): Promise<string | null> {
    const { clock, kube, names } = this.#deps
    while (!signal.aborted) {
      const set = await kube.readSet(names.set).catch(() => null)
      if (set !== null) return set.selector
      await delay(clock, FAILED_MIN_MS, signal).catch(() => undefined)
    }
    return null
  }
}
