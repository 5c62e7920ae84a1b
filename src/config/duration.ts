// Durations as people write them: Go style (`1h30m`, `500ms`) or a whole number of milliseconds.

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
}
const TERM = /(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s|m|h)/g

/** What parseDurationMs accepts as text; also the pattern of the JSON schema. */
export const DURATION_PATTERN = /^(\d+|(\d+(\.\d+)?(ns|us|µs|μs|ms|s|m|h))+)$/

/** Milliseconds of what a person typed, above zero; undefined for a bare number as well, since it does not say of what. */
export function parseTypedDurationMs(text: string): number | undefined {
  const durationMs = /^\d+$/.test(text) ? undefined : parseDurationMs(text)
  return durationMs === 0 ? undefined : durationMs
}

/** Milliseconds of a duration, rounded up, or undefined when `value` is none. Never negative. */
export function parseDurationMs(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined
  if (typeof value !== 'string' || !DURATION_PATTERN.test(value)) return undefined
  if (/^\d+$/.test(value)) return parseDurationMs(Number(value))
  let totalMs = 0
  for (const [, count, unit] of value.matchAll(TERM)) totalMs += Number(count) * (UNIT_MS[unit ?? ''] ?? 0)
  const roundedMs = Math.ceil(Number(totalMs.toFixed(6)))
  return Number.isSafeInteger(roundedMs) ? roundedMs : undefined
}
