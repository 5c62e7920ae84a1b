// Follows the certificate files of the HTTP listeners, so that a renewed certificate needs no restart. The files are read again at an
// interval rather than watched: container platforms swap a symbolic link above them, which watches of the files do not see.
import { X509Certificate, createPrivateKey } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { TlsFiles } from '../config/config.ts'
import { certificateEndMs, readPair } from './certificate.ts'
import type { TlsMaterial } from './server.ts'

/** How often the files are read. A platform that mounts secrets takes longer than this to show a new one. */
export const CERTIFICATE_CHECK_INTERVAL_MS = 10_000

export interface CertificateWatchOptions {
  readonly files: TlsFiles
  /** What is served at the start. */
  readonly current: TlsMaterial
  readonly clock: Clock
  readonly log: Log
  /** Serves `material` to connections that begin from now on. */
  readonly use: (material: TlsMaterial) => void
  /** Whether the files hold what cannot be used, so that the certificate before is still served. */
  readonly onRefused: (isRefused: boolean) => void
}

export class CertificateWatch {
  readonly #options: CertificateWatchOptions
  #used: TlsMaterial
  /** Why the files could not be used at the last look; null when they could. */
  #fault: string | null = null
  #isReported = false
  #timer: Timer | undefined
  #isChecking = false

  constructor(options: CertificateWatchOptions) {
    this.#options = options
    this.#used = options.current
  }

  start(): void {
    const look = (): void => {
      // A file system that hangs is asked once at a time.
      if (this.#isChecking) return
      this.#isChecking = true
      void this.check().finally(() => {
        this.#isChecking = false
      })
    }
    this.#timer = this.#options.clock.every(CERTIFICATE_CHECK_INTERVAL_MS, look, { unref: true })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** Reads the files once; never rejects. What cannot be used is reported when it is still there at the next look. */
  async check(): Promise<void> {
    try {
      const found = await readPair(this.#options.files.cert, this.#options.files.key)
      if (found.cert !== this.#used.cert || found.key !== this.#used.key) this.#take(found)
      this.#fault = null
      this.#report(false)
    } catch (error) {
      this.#onFault(messageOf(error))
    }
  }

  #take(material: TlsMaterial): void {
    const certificate = new X509Certificate(material.cert)
    if (!certificate.checkPrivateKey(createPrivateKey(material.key))) {
      throw new Error('the key does not belong to the certificate')
    }
    createSecureContext(material)
    this.#options.use(material)
    this.#used = material
    const notAfter = new Date(certificateEndMs(material)).toISOString()
    this.#options.log.info({ serial: certificate.serialNumber, notAfter }, 'the certificate was read again')
  }

  /** The first time may have been between the writing of one file and of the other. */
  #onFault(reason: string): void {
    const isLasting = this.#fault !== null
    this.#fault = reason
    if (!isLasting || this.#isReported) return
    this.#options.log.error({ reason }, 'the certificate files cannot be used: the certificate before them is served')
    this.#report(true)
  }

  #report(isRefused: boolean): void {
    if (this.#isReported === isRefused) return
    this.#isReported = isRefused
    this.#options.onRefused(isRefused)
  }
}
