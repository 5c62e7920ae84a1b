// Sizes in bytes as people write them: `64MiB`, `1.5GiB`, `500kB`, or a whole number of bytes.

const UNIT_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
}

/** What parseSizeBytes accepts as text; also the pattern of the JSON schema. */
export const SIZE_PATTERN = /^(\d+|\d+(\.\d+)? ?(B|[kK]B|[MGT]B|[KMGT]iB))$/

/** Bytes of a size, rounded down, or undefined when `value` is none. Never negative. */
export function parseSizeBytes(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined
  if (typeof value !== 'string' || !SIZE_PATTERN.test(value)) return undefined
  const [, count, unit] = /^([\d.]+) ?([A-Za-z]*)$/.exec(value) ?? []
  const sizeBytes = Math.floor(Number(count) * (UNIT_BYTES[unit === '' ? 'B' : (unit ?? '')] ?? Number.NaN))
  return Number.isSafeInteger(sizeBytes) ? sizeBytes : undefined
}
