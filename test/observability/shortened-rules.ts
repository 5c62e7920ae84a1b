// The chart's rules for tests that cannot wait for hours. Only time is changed: each duration that stands behind `for:` or within
// the brackets of a range is divided by one factor. Expressions, thresholds and labels stay as they are.

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 }
const BEHIND_FOR = /^( +for: )(\d+[smh])$/gm
const RANGE = /\[(\d+[smh])(?::(\d+[smh]))?\]/g

const divided = (duration: string, factor: number): string => {
  const unitMs = UNIT_MS[duration.slice(-1)]
  if (unitMs === undefined) throw new Error(`no duration: ${duration}`)
  return `${Math.round((Number(duration.slice(0, -1)) * unitMs) / factor)}ms`
}

export const shortened = (rules: string, factor: number): string =>
  rules
    .replaceAll(BEHIND_FOR, (_, before: string, duration: string) => before + divided(duration, factor))
    .replaceAll(RANGE, (_, range: string, step: string | undefined) =>
      step === undefined ? `[${divided(range, factor)}]` : `[${divided(range, factor)}:${divided(step, factor)}]`,
    )
