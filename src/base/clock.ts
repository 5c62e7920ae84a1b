// Time as a port: the only place that reads the clock or sets timers. The simulation injects its own.

/** Handle of a pending timer. */
export interface Timer {
  /** Stops the timer; a timer that already fired is left as it is. */
  cancel(): void
}

export interface Clock {
  /** Wall time in ms since the epoch. May jump; never used to measure durations. */
  nowMs(): number
  /** Monotonic time in ms (fractions allowed) from an arbitrary origin. */
  monotonicMs(): number
  /** Calls `callback` once after `delayMs`. Does not keep the process alive when `unref` is true. */
  after(delayMs: number, callback: () => void, options?: { unref?: boolean }): Timer
  /** Calls `callback` every `intervalMs` until cancelled. */
  every(intervalMs: number, callback: () => void, options?: { unref?: boolean }): Timer
}

/** The clock of the machine. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback, options = {}) {
    const handle = setTimeout(callback, delayMs)
    if (options.unref === true) handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
  every(intervalMs, callback, options = {}) {
    const handle = setInterval(callback, intervalMs)
    if (options.unref === true) handle.unref()
    return { cancel: () => clearInterval(handle) }
  },
}

/** Resolves after `delayMs` of `clock`; rejects with the signal's reason when it aborts first. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason as Error)
      return
    }
    const onAbort = (): void => {
      timer.cancel()
      reject(signal?.reason as Error)
    }
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
