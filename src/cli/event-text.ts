// Event data on a terminal: Go's default formatting, which scripts that read insic's output expect.

const EXPONENT_FROM = 6
const EXPONENT_BELOW = -4

/** `text`, `12.5`, `true`, `<nil>`, `[1 a map[k:v]]`, `map[a:1 b:[1 2]]`; names sorted. */
export function renderEventData(data: unknown): string {
  if (data === null || data === undefined) return '<nil>'
  if (typeof data === 'number') return renderNumber(data)
  if (Array.isArray(data)) return `[${data.map(renderEventData).join(' ')}]`
  if (typeof data === 'object') {
    const members = Object.entries(data).sort(([left], [right]) => (left < right ? -1 : 1))
    return `map[${members.map(([name, value]) => `${name}:${renderEventData(value)}`).join(' ')}]`
  }
  return typeof data === 'string' ? data : JSON.stringify(data)
}

/** Shortest digits; with an exponent of at least two digits when it is below -4 or at least 6. */
function renderNumber(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const [digits = '', exponentText = '0'] = value.toExponential().split('e')
  const exponent = Number(exponentText)
  if (exponent >= EXPONENT_BELOW && exponent < EXPONENT_FROM) return String(value)
  const sign = exponent < 0 ? '-' : '+'
  return `${digits}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`
}
