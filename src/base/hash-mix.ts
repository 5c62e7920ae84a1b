// One step of a hash that chains numbers.

const GOLDEN_RATIO = 0x9e3779b1

/** Folds `value` into `hash`; two different hashes stay different under the same values. Unsigned 32 bits. */
export function mix(hash: number, value: number): number {
  const product = Math.imul(hash ^ value, GOLDEN_RATIO)
  return (product ^ (product >>> 15)) >>> 0
}
