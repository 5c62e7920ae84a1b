// Backups as objects below a prefix of an S3 bucket. An object is there when its upload was completed, and not before. Credentials,
// region and endpoint come from where all tools for S3 look: AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT_URL_S3, ~/.aws and so on.
import { PassThrough, Readable } from 'node:stream'
import { messageOf } from '../base/errors.ts'
import { ArchiveError } from './archive.ts'
import type { Archive, ArchiveWriter, StoredBackup } from './archive.ts'
import { parseBackupName } from './backup-name.ts'
import { byAge } from './selection.ts'
import type * as Library from './s3-sdk.ts'

type Sdk = Pick<typeof Library, 'DeleteObjectCommand' | 'GetObjectCommand' | 'Upload' | 'paginateListObjectsV2'>

/** Of 10 000 parts an object may have: 160 GB. Two parts are held in memory at a time. */
const PART_BYTES = 16 * 2 ** 20
const PARTS_UNDER_WAY = 2
const ATTEMPTS_MAX = 3
const CONNECT_TIMEOUT_MS = 5_000
/** Without a byte in either direction. */
const SILENCE_TIMEOUT_MS = 60_000

export interface S3Place {
  readonly bucket: string
  /** Empty, or ending in a slash. */
  readonly prefix: string
}

export class S3Archive implements Archive {
  readonly #sdk: Sdk
  readonly #client: Library.S3Client
  readonly #place: S3Place

  private constructor(sdk: Sdk, client: Library.S3Client, place: S3Place) {
    this.#sdk = sdk
    this.#client = client
    this.#place = place
  }

  /** Loads the library; asks nobody. */
  static async open(place: S3Place): Promise<S3Archive> {
    const { DeleteObjectCommand, GetObjectCommand, S3Client, Upload, paginateListObjectsV2 } =
      await import('./s3-sdk.ts')
    const client = new S3Client({
      maxAttempts: ATTEMPTS_MAX,
      requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, socketTimeout: SILENCE_TIMEOUT_MS },
      // Understood by AWS and by everything else that speaks S3; backups have checksums of their own.
      forcePathStyle: true,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    })
    return new S3Archive({ DeleteObjectCommand, GetObjectCommand, Upload, paginateListObjectsV2 }, client, place)
  }

  write(name: string): Promise<ArchiveWriter> {
    const stream = new PassThrough()
    const upload = new this.#sdk.Upload({
      client: this.#client,
      params: { ...this.#object(name), Body: stream, ContentType: 'application/octet-stream' },
      partSize: PART_BYTES,
      queueSize: PARTS_UNDER_WAY,
    })
    const done = upload.done()
    // Whoever writes waits until what was written is taken: without this they would wait for ever.
    done.catch((error: unknown) => stream.destroy(this.#failure('cannot be written to', error)))
    return Promise.resolve({
      stream,
      commit: () =>
        this.#told('cannot be written to', async () => {
          await done
        }),
      // The library's own abort does not wait until the parts are gone; one whose source breaks off does.
      abort: async () => {
        stream.destroy()
        await done.then(
          () => this.remove(name).catch(() => undefined),
          () => undefined,
        )
      },
    })
  }

  read(name: string): Promise<Readable> {
    return this.#told('cannot be read', async () => {
      const { Body } = await this.#client.send(new this.#sdk.GetObjectCommand(this.#object(name)))
      if (!(Body instanceof Readable)) throw new ArchiveError('the answer has no content')
      return Body
    })
  }

  list(): Promise<readonly StoredBackup[]> {
    const { bucket, prefix } = this.#place
    return this.#told('cannot be read', async () => {
      const found: StoredBackup[] = []
      const pages = this.#sdk.paginateListObjectsV2(
        { client: this.#client },
        { Bucket: bucket, Prefix: prefix, Delimiter: '/' },
      )
      for await (const { Contents = [] } of pages) {
        for (const { Key = '', Size = 0 } of Contents) {
          const named = parseBackupName(Key.slice(prefix.length))
          if (named !== null) found.push({ ...named, sizeBytes: Size })
        }
      }
      return found.toSorted(byAge)
    })
  }

  remove(name: string): Promise<void> {
    return this.#told('cannot be written to', async () => {
      await this.#client.send(new this.#sdk.DeleteObjectCommand(this.#object(name)))
    })
  }

  #object(name: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#place.bucket, Key: this.#place.prefix + name }
  }

  async #told<Result>(problem: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      throw this.#failure(problem, error)
    }
  }

  #failure(problem: string, error: unknown): ArchiveError {
    if (error instanceof ArchiveError) return error
    const { bucket, prefix } = this.#place
    return new ArchiveError(`s3://${bucket}/${prefix} ${problem}: ${reasonOf(error)}`, { cause: error })
  }
}

const DENIED = new Set(['AccessDenied', 'Forbidden', 'InvalidAccessKeyId', 'SignatureDoesNotMatch', 'ExpiredToken'])
const UNREACHABLE = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ETIMEDOUT', 'ECONNRESET'])

function reasonOf(error: unknown): string {
  const { name } = error as { readonly name?: unknown }
  const kind = typeof name === 'string' ? name : ''
  if (kind === 'CredentialsProviderError') {
    return 'there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE'
  }
  if (DENIED.has(kind)) return `access is denied (${kind})`
  if (kind === 'NoSuchBucket') return 'there is no such bucket'
  if (kind === 'NoSuchKey') return 'there is no such backup'
  if (messageOf(error) === 'Region is missing')
    return 'set AWS_REGION; any, such as us-east-1, where the storage has none'
  // The library wraps what the system says.
  const code = /\bE[A-Z_]+\b/.exec(messageOf(error))?.[0] ?? ''
  if (kind === 'TimeoutError' || UNREACHABLE.has(code)) {
    return `the storage does not answer (${code || kind}); AWS_ENDPOINT_URL_S3 says where it is`
  }
  return messageOf(error)
}
