// What Kubernetes does not allow us: the Role lacks a verb, or somebody took it away. It is told, and tried again; nobody gives up.
import type { Clock } from '../base/clock.ts'

/** What was not denied again for this long is no longer asked for. */
const FORGOTTEN_MS = 600_000
const DENIALS_MAX = 64

export class Denials {
  readonly #clock: Clock
  readonly #onChange: (request: string, isDenied: boolean) => void
  /** When each request was denied last. */
  readonly #denied = new Map<string, number>()
  #onAny: () => void = () => undefined

  constructor(clock: Clock, onChange: (request: string, isDenied: boolean) => void) {
    this.#clock = clock
    this.#onChange = onChange
  }

  /** Who is told that something changed. */
  setListener(listener: () => void): void {
    this.#onAny = listener
  }

  /** Verb and resource of each, such as `list pods`, in order. */
  get requests(): readonly string[] {
    const nowMs = this.#clock.monotonicMs()
    for (const [request, deniedAtMs] of this.#denied) if (nowMs - deniedAtMs > FORGOTTEN_MS) this.allowed(request)
    return [...this.#denied.keys()].toSorted()
  }

  /** `status` is that of an answer; null when there was none, which says nothing. */
  answered(request: string, status: number | null): void {
    if (status === FORBIDDEN) this.#deny(request)
    else if (status !== null && status !== UNAUTHORIZED) this.allowed(request)
  }

  allowed(request: string): void {
    if (!this.#denied.delete(request)) return
    this.#onChange(request, false)
    this.#onAny()
  }

  #deny(request: string): void {
    const isNew = !this.#denied.has(request)
    if (isNew && this.#denied.size >= DENIALS_MAX) return
    this.#denied.set(request, this.#clock.monotonicMs())
    if (!isNew) return
    this.#onChange(request, true)
    this.#onAny()
  }
}

const UNAUTHORIZED = 401
export const FORBIDDEN = 403
