// Watches that only say "look again": what they carry is not used, so nothing is wrong when they are late, repeat themselves or
// break. A watch that ends is begun again.
import { Watch } from './kubernetes.ts'
import type { KubeConfig } from './kubernetes.ts'
import { delay } from '../base/clock.ts'
import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import { RepeatedFailure } from './repeated-failure.ts'

/** The server ends a watch after this long: below the time after which the client takes a silent one for dead. */
const WATCH_SECONDS = 25
const BACKOFF_MIN_MS = 250
const BACKOFF_MAX_MS = 30_000
/** Objects whose last seen version is remembered. */
const SEEN_MAX = 1_000
const OK = 200

export interface WatchDeps {
  readonly config: KubeConfig
  readonly clock: Clock
  readonly random: Pick<Random, 'int'>
  readonly log: Log
  readonly signal: AbortSignal
  /** Told how each watch was answered. */
  readonly onAnswer?: (status: number | null) => void
}

interface Seen {
  readonly metadata?: { readonly uid?: string; readonly resourceVersion?: string }
}

/** Calls `onChange` for each object of `path` that is new, changed or gone, until the signal aborts. Never rejects. */
export async function watchFor(
  deps: WatchDeps,
  path: string,
  query: Readonly<Record<string, string>>,
  onChange: () => void,
): Promise<void> {
  const { clock, random, signal } = deps
  const seen = new Map<string, string>()
  const ending = new RepeatedFailure(deps, 'a watch ended')
  let backoffMs = BACKOFF_MIN_MS
  while (!signal.aborted) {
    const failure = await watchOnce(deps, path, query, (phase, object) => {
      backoffMs = BACKOFF_MIN_MS
      // Each watch begins with everything that exists.
      const { resourceVersion = '', uid = '' } = object.metadata ?? {}
      if (phase !== 'DELETED' && seen.get(uid) === resourceVersion) return
      if (seen.size >= SEEN_MAX) seen.clear()
      seen.set(uid, resourceVersion)
      onChange()
    })
    if (failure === null) ending.succeeded()
    else ending.failed(failure, { path })
    await delay(clock, backoffMs + random.int(backoffMs), signal).catch(() => undefined)
    backoffMs = failure === null ? BACKOFF_MIN_MS : Math.min(BACKOFF_MAX_MS, backoffMs * 2)
  }
}

/** Why it ended; null for an ordinary end. */
async function watchOnce(
  { config, onAnswer, signal }: WatchDeps,
  path: string,
  query: Readonly<Record<string, string>>,
  onObject: (phase: string, object: Seen) => void,
): Promise<string | null> {
  const ended = Promise.withResolvers<string | null>()
  let hasEnded = false
  const onDone = (error: unknown): void => {
    const isSilence = error instanceof Error && ['TimeoutError', 'AbortError'].includes(error.name)
    const isOrderly = error === null || error === undefined || isSilence
    hasEnded = true
    if (!isOrderly) onAnswer?.(statusOf(error))
    ended.resolve(isOrderly ? null : messageOf(error))
  }
  try {
    const watching = await new Watch(config).watch(path, { ...query, timeoutSeconds: WATCH_SECONDS }, onObject, onDone)
    if (!hasEnded) onAnswer?.(OK)
    const stop = (): void => {
      watching.abort()
      ended.resolve(null)
    }
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    const reason = await ended.promise
    // The signal outlives every watch: what is left on it would pile up.
    signal.removeEventListener('abort', stop)
    return reason
  } catch (error) {
    return messageOf(error)
  }
}

/** Of an answer that is none of a watch; null when there was no answer. */
function statusOf(error: unknown): number | null {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : null
  return typeof status === 'number' ? status : null
}
