// Keys made from the instance secret, and whether a secret is fit to protect a server that other machines can reach.
// Imports neither the schema nor YAML, so that a client can derive the root key without them.
import { createHash, hkdfSync } from 'node:crypto'

const SUBKEY_SIZE_BYTES = 32

/** Changing a label changes every key made under it: peers would not know each other, tokens would not verify. */
const PEER_KEY_LABEL = 'insi/peer-psk/v1'
const TOKEN_KEY_LABEL = 'insi/token-mac/v1'

export interface SecretKeys {
  /** The administrator's token. */
  readonly rootKey: string
  /** Pre-shared key of the connections between nodes. */
  readonly peerKey: Buffer
  /** Key of the MAC in tokens. */
  readonly tokenKey: Buffer
}

/** Every key that comes from an instance secret. The derivations are one-way: none of them reveals the secret. */
export function deriveKeys(instanceSecret: string): SecretKeys {
  return {
    rootKey: deriveRootKey(instanceSecret),
    peerKey: deriveSubkey(instanceSecret, PEER_KEY_LABEL),
    tokenKey: deriveSubkey(instanceSecret, TOKEN_KEY_LABEL),
  }
}

/** Base64 of the hexadecimal digits of the secret's SHA-256: the token of root, 88 characters. */
export function deriveRootKey(instanceSecret: string): string {
  const digits = createHash('sha256').update(instanceSecret, 'utf8').digest('hex')
  return Buffer.from(digits, 'ascii').toString('base64')
}

function deriveSubkey(instanceSecret: string, label: string): Buffer {
  return Buffer.from(hkdfSync('sha256', instanceSecret, '', label, SUBKEY_SIZE_BYTES))
}

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
