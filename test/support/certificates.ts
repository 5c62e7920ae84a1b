// X.509 certificates for tests, written by hand because Node makes none: P-256 keys, ECDSA with SHA-256.
import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'
import { isIP } from 'node:net'

export interface TestCertificate {
  /** PEM. */
  readonly cert: string
  readonly key: string
}

export interface CertificateOptions {
  /** DNS names and IPv4 addresses. */
  readonly hosts?: readonly string[]
  /** Signs the new one; without it the new one is an authority that signs itself. */
  readonly issuer?: TestCertificate
  readonly commonName?: string
  readonly expired?: boolean
}

const ECDSA_SHA256 = '2a8648ce3d040302'
const COMMON_NAME = '550403'
const BASIC_CONSTRAINTS = '551d13'
const ALTERNATIVE_NAMES = '551d11'
const YEAR_MS = 365 * 86_400_000

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const size = content.length
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff]
  return Buffer.concat([Uint8Array.of(tag, ...length), content])
}

const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts)
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'))
const octets = (content: Uint8Array): Buffer => der(0x04, content)
const TRUE = der(0x01, Uint8Array.of(0xff))

function name(commonName: string): Buffer {
  return sequence(der(0x31, sequence(oid(COMMON_NAME), der(0x0c, Buffer.from(commonName)))))
}

function time(ms: number): Buffer {
  return der(0x18, Buffer.from(new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')))
}

function alternativeName(host: string): Buffer {
  if (isIP(host) === 4) return der(0x87, Uint8Array.from(host.split('.').map(Number)))
  return der(0x82, Buffer.from(host))
}

function pem(label: string, content: Uint8Array): string {
  const lines =
    Buffer.from(content)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

let serial = 1

/** An authority without `issuer`, otherwise a certificate that it has signed. Authorities have the name `test authority`. */
export function makeCertificate(options: CertificateOptions = {}): TestCertificate {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const isAuthority = options.issuer === undefined
  const issuerKey = options.issuer === undefined ? pair.privateKey : createPrivateKey(options.issuer.key)
  const hosts = options.hosts ?? []
  const extensions = [sequence(oid(BASIC_CONSTRAINTS), TRUE, octets(sequence(...(isAuthority ? [TRUE] : []))))]
  if (hosts.length > 0) {
    extensions.push(sequence(oid(ALTERNATIVE_NAMES), octets(sequence(...hosts.map(alternativeName)))))
  }
  const nowMs = Date.now()
  const content = sequence(
    der(0xa0, der(0x02, Uint8Array.of(2))),
    der(0x02, Uint8Array.of(1, serial++)),
    sequence(oid(ECDSA_SHA256)),
    name('test authority'),
    sequence(time(nowMs - YEAR_MS), time(options.expired === true ? nowMs - 1_000 : nowMs + YEAR_MS)),
    name(isAuthority ? 'test authority' : (options.commonName ?? 'test node')),
    pair.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  )
  const signature = sign('sha256', content, issuerKey)
  return {
    cert: pem('CERTIFICATE', sequence(content, sequence(oid(ECDSA_SHA256)), der(0x03, Uint8Array.of(0), signature))),
    key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }),
  }
}
