// How the root key follows from the instance secret: the server checks against it, the CLI derives it for --root.
import { createHash } from 'node:crypto'

/** The root key: standard base64 of the lower-case hexadecimal SHA-256 of the secret; 88 characters. */
export function rootKeyOf(instanceSecret: string): string {
  const digestHex = createHash('sha256').update(instanceSecret, 'utf8').digest('hex')
  return Buffer.from(digestHex, 'ascii').toString('base64')
}
