// Watches that only say "look again": what they carry is not used, so nothing is wrong when they are late, repeat themselves or
// break. A watch that ends is begun again.
import { Watch } from './kubernetes.ts'
import type { KubeConfig } from './kubernetes.ts'
import { delay } from '../base/clock.ts'
import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'

/** The server ends a watch after this long: below the time after which the client takes a silent one for dead. */
const WATCH_SECONDS = 25
const BACKOFF_MIN_MS = 250
const BACKOFF_MAX_MS = 30_000
/** Objects whose last seen version is remembered. */
const SEEN_MAX = 1_000

export interface WatchDeps {
  readonly config: KubeConfig
  readonly clock: Clock
  readonly random: Pick<Random, 'int'>
  readonly log: Log
  readonly signal: AbortSignal
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
  const { clock, log, random, signal } = deps
  const seen = new Map<string, string>()
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
    if (failure !== null) log.warn({ path, reason: failure, backoffMs }, 'a watch ended')
    await delay(clock, backoffMs + random.int(backoffMs), signal).catch(() => undefined)
    backoffMs = failure === null ? BACKOFF_MIN_MS : Math.min(BACKOFF_MAX_MS, backoffMs * 2)
  }
}

/** Why it ended; null for an ordinary end. */
async function watchOnce(
  { config, signal }: WatchDeps,
  path: string,
  query: Readonly<Record<string, string>>,
  onObject: (phase: string, object: Seen) => void,
): Promise<string | null> {
  const ended = Promise.withResolvers<string | null>()
  const onDone = (error: unknown): void => {
    const isSilence = error instanceof Error && ['TimeoutError', 'AbortError'].includes(error.name)
    ended.resolve(error === null || error === undefined || isSilence ? null : messageOf(error))
  }
  try {
    const watching = await new Watch(config).watch(path, { ...query, timeoutSeconds: WATCH_SECONDS }, onObject, onDone)
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
