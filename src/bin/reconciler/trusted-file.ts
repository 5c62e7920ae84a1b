// The certificates that the nodes may show: the system's authorities, and those of a file that is read again, since a certificate that
// signs itself, or whose authority is nowhere else, is renewed along with the nodes' own.
import { readFile } from 'node:fs/promises'
import { rootCertificates } from 'node:tls'
import type { Clock } from '../../base/clock.ts'

export const TRUST_CHECK_INTERVAL_MS = 10_000

export class TrustedFile {
  /** Changes in place. The certificate before the newest one stays: not every node is renewed in the same moment. */
  readonly certificates: string[]
  readonly #path: string
  readonly #onChange: () => void
  #newest: string

  private constructor(path: string, newest: string, clock: Clock, onChange: () => void) {
    this.#path = path
    this.#newest = newest
    this.#onChange = onChange
    this.certificates = [...rootCertificates, newest]
    clock.every(TRUST_CHECK_INTERVAL_MS, () => void this.check(), { unref: true })
  }

  /** `onChange`: connections that were made before should be made anew. Rejects when the file cannot be read. */
  static async open(path: string, clock: Clock, onChange: () => void): Promise<TrustedFile> {
    return new TrustedFile(path, await readFile(path, 'utf8'), clock, onChange)
  }

  /** Reads the file once. Never rejects: what was trusted stays so while it cannot be read. */
  async check(): Promise<void> {
    const found = await readFile(this.#path, 'utf8').catch(() => this.#newest)
    if (found === this.#newest || found === '') return
    this.certificates.splice(rootCertificates.length, Infinity, found, this.#newest)
    this.#newest = found
    this.#onChange()
  }
}
