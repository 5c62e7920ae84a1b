// Signals that ask the process to stop.

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const

/** Has a stop signal end the process as it does a program that knows of none: nobody may take what was broken off for done. */
export function endBySignals(): void {
  for (const signal of STOP_SIGNALS) process.removeAllListeners(signal)
}

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
