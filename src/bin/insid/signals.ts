// Signals that ask the process to stop.

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const

/** Resolves with the first stop signal; every later one calls `onRepeated`. Replaces earlier handlers. */
export function stopRequested(onRepeated: () => void): Promise<string> {
  return new Promise((resolve) => {
    let isRequested = false
    for (const signal of STOP_SIGNALS) {
      process.removeAllListeners(signal)
      process.on(signal, () => {
        if (isRequested) onRepeated()
        isRequested = true
        resolve(signal)
      })
    }
  })
}
