// Whether this node may decide from its own state whose keys are good. It may for a while after it has passed a read barrier: its
// state then has every deletion that was acknowledged before the barrier began. Deletions are acknowledged so late (revocations.ts)
// that none can have been acknowledged since that this node does not have.
//
//   barrier begins ── passed ── keys are looked up in the own state ── lease ends
//         |<──────────────── AUTHORIZATION_LEASE_MS ────────────────────>|
import type { Clock } from '../../base/clock.ts'
import { AUTHORIZATION_LEASE_MS, AUTHORIZATION_RENEW_MS } from '../../contract/limits.ts'
import type { Replicator } from '../replicator.ts'

export class AuthorizationLease {
  readonly #clock: Clock
  readonly #replicator: Replicator
  /** When the barrier began that this node passed last. */
  #begun = { monotonicMs: Number.NEGATIVE_INFINITY, wallMs: 0 }
  #isRenewing = false

  constructor(deps: { readonly clock: Clock; readonly replicator: Replicator }) {
    this.#clock = deps.clock
    this.#replicator = deps.replicator
  }

  /** Whether a key that this node's state has may be accepted now; has the lease renewed in good time while it is asked for. */
  isHeld(): boolean {
    const ageMs = this.#ageMs()
    if (ageMs >= AUTHORIZATION_LEASE_MS) return false
    if (ageMs >= AUTHORIZATION_RENEW_MS) this.#renew()
    return true
  }

  /**
   * Resolves when this node's state has every deletion acknowledged before the call, and takes the lease. Rejects with what
   * the read barrier rejects with.
   */
  async take(): Promise<void> {
    const begun = { monotonicMs: this.#clock.monotonicMs(), wallMs: this.#clock.nowMs() }
    await this.#replicator.readBarrier()
    // Nobody waits for a node that is no member by its own state; it has to ask every time.
    if (this.#replicator.channel.appliedMembers?.isSelfMember !== true) return
    if (begun.monotonicMs > this.#begun.monotonicMs) this.#begun = begun
  }

  /** By whichever clock says more: the monotonic one stands still while the machine is suspended, the other may be set. */
  #ageMs(): number {
    const { monotonicMs, wallMs } = this.#begun
    return Math.max(this.#clock.monotonicMs() - monotonicMs, Math.abs(this.#clock.nowMs() - wallMs))
  }

  #renew(): void {
    if (this.#isRenewing) return
    this.#isRenewing = true
    // That it failed shows when the lease has ended.
    void this.take()
      .catch(() => {})
      .finally(() => {
        this.#isRenewing = false
      })
  }
}
