// What makes a connection between peers trustworthy: TLS 1.3 with a key shared by the cluster (PSK), or with certificates.
// There is no mode without: whoever reaches the peer listener and passes TLS may change data.
import { hkdfSync } from 'node:crypto'
import type { ConnectionOptions, TLSSocket, TlsOptions } from 'node:tls'
import { assert } from '../../base/assert.ts'

/**
 * `secrets`: instance secrets; the first is used to dial, any of them is accepted, so that a cluster can change its secret
 * node by node. `certificates`: PEM texts; both sides present one that `ca` has signed, and the dialled host stands in it.
 */
export type PeerCredentials =
  | { readonly type: 'secrets'; readonly secrets: readonly string[] }
  | { readonly type: 'certificates'; readonly cert: string; readonly key: string; readonly ca: string }

const KEY_INFO = 'insi peer transport key 1'
const KEY_ID_INFO = 'insi peer transport key id 1'
const KEY_SIZE_BYTES = 32
/** Enough to tell a few keys apart, too little to be of use to whoever guesses secrets. */
const KEY_ID_SIZE_BYTES = 4
const IDENTITY_PREFIX = 'insi-peer/1/'

/**
 * Shared keys go with the SHA-256 suites only. TLS 1.3 always adds an ephemeral key exchange, so recorded traffic stays
 * closed when the secret leaks later. Of the TLS 1.2 suites that do the same, none has AES-GCM with elliptic curves.
 */
const PSK_CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256'
const TLS_VERSION = 'TLSv1.3'

interface SharedKey {
  readonly key: Buffer
  /** What the dialling side says in the clear to name the key. */
  readonly identity: string
}

/** The TLS options of both sides of peer connections. */
export class PeerTls {
  readonly #credentials: PeerCredentials
  readonly #keys: readonly SharedKey[]
  readonly #unknownKeys = new WeakSet<TLSSocket>()

  constructor(credentials: PeerCredentials) {
    this.#credentials = credentials
    this.#keys = credentials.type === 'secrets' ? credentials.secrets.map(sharedKey) : []
    assert(credentials.type === 'certificates' || this.#keys.length > 0, 'the peer transport needs a secret')
  }

  /** True when the other side of an accepted socket named a key that is none of ours. */
  namedUnknownKey(socket: TLSSocket): boolean {
    return this.#unknownKeys.has(socket)
  }

  /**
   * Why a socket that has passed TLS on the listening side is not trusted; null when it is. Certificates are judged here
   * because Node ends such a socket without a word, so that nobody could count it.
   */
  distrust(socket: TLSSocket): string | null {
    if (this.#credentials.type === 'secrets' || socket.authorized) return null
    return String(socket.authorizationError)
  }

  serverOptions(): TlsOptions {
    const credentials = this.#credentials
    if (credentials.type === 'certificates') {
      const { cert, key, ca } = credentials
      return { minVersion: TLS_VERSION, cert, key, ca, requestCert: true, rejectUnauthorized: false }
    }
    return {
      minVersion: TLS_VERSION,
      ciphers: PSK_CIPHERS,
      pskCallback: (socket: TLSSocket, identity: string) => {
        const found = this.#keys.find((candidate) => candidate.identity === identity)
        if (found === undefined) this.#unknownKeys.add(socket)
        return found?.key ?? null
      },
    }
  }

  clientOptions(host: string): ConnectionOptions {
    const credentials = this.#credentials
    if (credentials.type === 'certificates') {
      const { cert, key, ca } = credentials
      return { minVersion: TLS_VERSION, cert, key, ca, rejectUnauthorized: true, ...serverName(host) }
    }
    const [dialKey] = this.#keys
    assert(dialKey, 'the peer transport needs a secret')
    return {
      minVersion: TLS_VERSION,
      ciphers: PSK_CIPHERS,
      rejectUnauthorized: true,
      pskCallback: () => ({ psk: dialKey.key, identity: dialKey.identity }),
      // Called only when the other side presents a certificate, which means that it does not hold the key.
      checkServerIdentity: () => new Error('the peer presented a certificate instead of the shared key'),
    }
  }
}

function sharedKey(secret: string): SharedKey {
  assert(secret.length > 0, 'a secret of the peer transport is not empty')
  const derive = (info: string, sizeBytes: number): Buffer =>
    Buffer.from(hkdfSync('sha256', secret, new Uint8Array(0), info, sizeBytes))
  return {
    key: derive(KEY_INFO, KEY_SIZE_BYTES),
    identity: IDENTITY_PREFIX + derive(KEY_ID_INFO, KEY_ID_SIZE_BYTES).toString('hex'),
  }
}

/** Names the host for certificates; addresses may not be named (RFC 6066 §3) and are compared with the certificate as they are. */
function serverName(host: string): { servername?: string } {
  return /^[\d.]+$|:/.test(host) ? {} : { servername: host }
}
