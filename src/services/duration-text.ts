// Durations as text in the form that the wire uses for them: `1h2m3.5s`.

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** Hours and minutes only when there are any; below one second in ms, zero is `0s`. */
export function durationText(durationMs: number): string {
  const ms = Math.max(0, durationMs)
  if (ms === 0) return '0s'
  if (ms < SECOND_MS) return `${trimmed(ms)}ms`
  const hours = Math.floor(ms / HOUR_MS)
  const minutes = Math.floor((ms % HOUR_MS) / MINUTE_MS)
  const seconds = `${trimmed((ms % MINUTE_MS) / SECOND_MS)}s`
  if (hours > 0) return `${hours}h${minutes}m${seconds}`
  return minutes > 0 ? `${minutes}m${seconds}` : seconds
}

/** At most six decimals, cut rather than rounded so that 59.9999999 s does not become 60 s. */
function trimmed(value: number): string {
  return String(Math.floor(value * 1e6) / 1e6)
}
