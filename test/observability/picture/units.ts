// Numbers as Grafana shows them, for the units that the boards use.

const KIB = 1024
const THOUSAND = 1_000

function scaled(value: number, base: number, names: readonly string[]): string {
  let at = 0
  let left = value
  while (Math.abs(left) >= base && at < names.length - 1) {
    left /= base
    at += 1
  }
  return `${digits(left)}${names[at] ?? ''}`
}

/** About three digits. */
function digits(value: number): string {
  const size = Math.abs(value)
  return String(Number(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3)))
}

function duration(seconds: number): string {
  const size = Math.abs(seconds)
  if (size === 0) return '0 s'
  if (size < 0.001) return `${digits(seconds * 1e6)} µs`
  if (size < 1) return `${digits(seconds * THOUSAND)} ms`
  return size < 120 ? `${digits(seconds)} s` : `${digits(seconds / 60)} min`
}

const FORMATS: Readonly<Record<string, (value: number) => string>> = {
  s: duration,
  bytes: (value) => scaled(value, KIB, [' B', ' KiB', ' MiB', ' GiB', ' TiB']),
  Bps: (value) => scaled(value, THOUSAND, [' B/s', ' kB/s', ' MB/s', ' GB/s']),
  reqps: (value) => `${scaled(value, THOUSAND, ['', 'k'])} req/s`,
  wps: (value) => `${scaled(value, THOUSAND, ['', 'k'])} wr/s`,
  ops: (value) => `${scaled(value, THOUSAND, ['', 'k'])} ops/s`,
  dateTimeFromNow: (value) => `${duration((Date.now() - value) / THOUSAND)} ago`,
}

export function formatted(value: number, unit = 'short', decimals?: number): string {
  if (Number.isNaN(value)) return '–'
  if (unit === 'percentunit') return `${Number((value * 100).toFixed(decimals ?? 1))}%`
  return (FORMATS[unit] ?? ((plain: number) => scaled(plain, THOUSAND, ['', ' k', ' M', ' G'])))(value)
}
