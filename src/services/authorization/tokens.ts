// Tokens of tenants and aliases: made and checked here, stored nowhere. What is kept of a token is its digest.
//
//   insi_ + base64url( version 1 | key UUID 16 | kind 1 | MAC 16 )
//
// The MAC is HMAC-SHA-256, cut to 16 bytes, over all before it, under a key derived from the instance secret. A token follows
// from its key UUID, so a listing can show it again.
import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { assert } from '../../base/assert.ts'
import { TOKEN_CHARS_MAX } from '../../contract/limits.ts'

const TOKEN_PREFIX = 'insi_'
const TOKEN_VERSION = 1
const UUID_BYTES = 16
const MAC_BYTES = 16
const KIND_OFFSET = 1 + UUID_BYTES
const MAC_OFFSET = KIND_OFFSET + 1
const TOKEN_BYTES = MAC_OFFSET + MAC_BYTES
const MAC_KEY_INFO = 'insi token mac 1'
const MAC_KEY_BYTES = 32

type TokenKind = 'entity' | 'alias'
const KIND_CODES: Readonly<Record<TokenKind, number>> = { entity: 1, alias: 2 }

export interface TokenContent {
  readonly kind: TokenKind
  readonly keyUuid: string
}

export interface ParsedToken extends TokenContent {
  /** The MAC is right under one of the configured secrets. */
  readonly authentic: boolean
}

/** Makes and checks tokens. The first secret makes new tokens, all of them are accepted. */
export class TokenCodec {
  readonly #macKeys: readonly Buffer[]

  constructor(instanceSecrets: readonly string[]) {
    assert(instanceSecrets.length > 0, 'a token codec needs an instance secret')
    this.#macKeys = instanceSecrets.map((secret) =>
      Buffer.from(hkdfSync('sha256', Buffer.from(secret, 'utf8'), Buffer.alloc(0), MAC_KEY_INFO, MAC_KEY_BYTES)),
    )
  }

  /** The token of a key. */
  make({ kind, keyUuid }: TokenContent): string {
    const bytes = Buffer.alloc(TOKEN_BYTES)
    bytes[0] = TOKEN_VERSION
    uuidToBytes(keyUuid).copy(bytes, 1)
    bytes[KIND_OFFSET] = KIND_CODES[kind]
    const [macKey] = this.#macKeys
    assert(macKey !== undefined, 'a token codec has a first key')
    macOf(macKey, bytes).copy(bytes, MAC_OFFSET)
    return TOKEN_PREFIX + bytes.toString('base64url')
  }

  /** What a token says, or undefined when it cannot be one. Nothing in it may be believed unless it is authentic. */
  parse(token: string): ParsedToken | undefined {
    if (token.length > TOKEN_CHARS_MAX || !token.startsWith(TOKEN_PREFIX)) return undefined
    const text = token.slice(TOKEN_PREFIX.length)
    const bytes = Buffer.from(text, 'base64url')
    // One token, one text: base64 decoding skips foreign characters, so the text must be what the bytes encode to.
    if (bytes.length !== TOKEN_BYTES || bytes.toString('base64url') !== text) return undefined
    const kind = kindOf(bytes[KIND_OFFSET])
    if (bytes[0] !== TOKEN_VERSION || kind === undefined) return undefined
    const mac = bytes.subarray(MAC_OFFSET)
    const authentic = this.#macKeys.some((macKey) => timingSafeEqual(macOf(macKey, bytes), mac))
    return { kind, keyUuid: bytesToUuid(bytes.subarray(1, KIND_OFFSET)), authentic }
  }
}

/** What the state keeps of a token: its SHA-256. */
export function tokenDigest(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest()
}

function macOf(macKey: Buffer, bytes: Buffer): Buffer {
  return createHmac('sha256', macKey).update(bytes.subarray(0, MAC_OFFSET)).digest().subarray(0, MAC_BYTES)
}

function kindOf(code: number | undefined): TokenKind | undefined {
  if (code === KIND_CODES.entity) return 'entity'
  return code === KIND_CODES.alias ? 'alias' : undefined
}

function uuidToBytes(uuid: string): Buffer {
  const bytes = Buffer.from(uuid.replaceAll('-', ''), 'hex')
  assert(bytes.length === UUID_BYTES, 'a key UUID has 16 bytes')
  return bytes
}

function bytesToUuid(bytes: Buffer): string {
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
