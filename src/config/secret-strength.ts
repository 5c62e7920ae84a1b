// Whether a secret is fit to protect a server that other machines can reach.

const SECRET_CHARS_MIN = 16
const SECRET_ENTROPY_BITS_MIN = 48

const PLACEHOLDERS: readonly RegExp[] = [
  /(change|replace)[\s_-]*(this|me)/i,
  /your[\s_-]+(own[\s_-]+|very[\s_-]+)?(secure|secret|instance)/i,
  /placeholder/i,
  /^<.*>$/,
]

/** Why `secret` must not protect a server that others can reach, or null when it may. Completes "the secret …". */
export function secretWeakness(secret: string): string | null {
  if (PLACEHOLDERS.some((pattern) => pattern.test(secret))) return 'is a placeholder that anyone can read'
  if (secret.length < SECRET_CHARS_MIN) return `is shorter than ${SECRET_CHARS_MIN} characters`
  if (entropyBits(secret) < SECRET_ENTROPY_BITS_MIN) return 'repeats too few characters and can be guessed'
  return null
}

/** An upper bound of what the secret's own characters can hold (Shannon, order 0). */
function entropyBits(secret: string): number {
  const counts = new Map<string, number>()
  for (const char of secret) counts.set(char, (counts.get(char) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= count * Math.log2(count / secret.length)
  return bits
}
