// The certificate of the HTTP listeners: the configured files, or one that the node makes for itself when TLS is required and
// none is configured. Made before anything listens, and kept in the data directory so that clients can trust it.
import { X509Certificate } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import path from 'node:path'
import { generate } from 'selfsigned'
import type { Clock } from '../base/clock.ts'
import { InsiError, messageOf } from '../base/errors.ts'
import type { Config } from '../config/config.ts'
import type { TlsMaterial } from './server.ts'

const VALID_YEARS = 10
const KEY_SIZE_BITS = 2048
const KEY_FILE_MODE = 0o600
const DIRECTORY_MODE = 0o700

/** Null when the listeners speak plain HTTP. `directory` is where a certificate of the node's own is kept. */
export async function loadCertificate(config: Config, directory: string, clock: Clock): Promise<TlsMaterial | null> {
  if (config.tls !== null) return readPair(config.tls.cert, config.tls.key)
  if (!config.serverMustUseTls) return null
  const files = { cert: path.join(directory, 'server.crt'), key: path.join(directory, 'server.key') }
  const kept = await readPair(files.cert, files.key).catch(() => null)
  if (kept !== null && certificateEndMs(kept) > clock.nowMs()) return kept
  const made = await makePair(config, clock)
  await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE })
  await replaceFile(files.key, made.key)
  await replaceFile(files.cert, made.cert)
  return made
}

/** When the certificate ends, in milliseconds since the epoch. */
export function certificateEndMs({ cert }: TlsMaterial): number {
  return new X509Certificate(cert).validToDate.getTime()
}

/** Rejects with TLS_FILES_UNREADABLE. */
export async function readPair(cert: string, key: string): Promise<TlsMaterial> {
  try {
    return { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') }
  } catch (error) {
    throw new InsiError('TLS_FILES_UNREADABLE', `cannot read the TLS certificate or key: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/** Every name under which a client may reach any node of the file, so that one certificate suits a copied data directory. */
async function makePair(config: Config, clock: Clock): Promise<TlsMaterial> {
  const hosts = new Set(['localhost', '127.0.0.1', '::1'])
  for (const node of Object.values(config.nodes)) {
    for (const { host } of [node.publicBinding, node.privateBinding]) hosts.add(host)
    if (node.clientDomain !== null) hosts.add(node.clientDomain)
  }
  const altNames = [...hosts].map((host) =>
    isIP(host) === 0 ? ({ type: 2, value: host } as const) : ({ type: 7, ip: host } as const),
  )
  const notBeforeDate = new Date(clock.nowMs())
  const notAfterDate = new Date(notBeforeDate)
  notAfterDate.setUTCFullYear(notAfterDate.getUTCFullYear() + VALID_YEARS)
  const pems = await generate([{ name: 'commonName', value: 'insi' }], {
    keySize: KEY_SIZE_BITS,
    algorithm: 'sha256',
    notBeforeDate,
    notAfterDate,
    extensions: [{ name: 'subjectAltName', altNames }],
  })
  return { cert: pems.cert, key: pems.private }
}

async function replaceFile(file: string, content: string): Promise<void> {
  await writeFile(`${file}.new`, content, { mode: KEY_FILE_MODE })
  await rename(`${file}.new`, file)
}
