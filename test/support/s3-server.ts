// As much of S3 as backups need, on a real socket: one bucket in memory, whole and multipart uploads, pages of a list, and answers
// in its XML. It does not recompute signatures; it refuses requests that bear none of its key.
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const KEYS_A_PAGE = 2

export class S3Server {
  readonly objects = new Map<string, Buffer>()
  /** Parts of uploads that are not completed, by upload id. */
  readonly uploads = new Map<string, Map<number, Buffer>>()
  /** The number of the part from which on every part is refused; null: none is. */
  refusedFromPart: number | null = null
  readonly #bucket: string
  readonly #accessKeyId: string
  readonly #server: Server
  #uploadCount = 0

  constructor(bucket: string, accessKeyId: string) {
    this.#bucket = bucket
    this.#accessKeyId = accessKeyId
    this.#server = createServer((request, response) => {
      void this.#answer(request, response)
    })
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const url = new URL(request.url ?? '/', 'http://s3')
    const [, bucket = '', ...rest] = decodeURIComponent(url.pathname).split('/')
    const refuse = (status: number, code: string): void => {
      response.writeHead(status, { 'content-type': 'application/xml' })
      response.end(`<Error><Code>${code}</Code><Message>${code}</Message></Error>`)
    }
    if (!(request.headers.authorization ?? '').includes(`Credential=${this.#accessKeyId}/`)) {
      return refuse(403, 'InvalidAccessKeyId')
    }
    if (bucket !== this.#bucket) return refuse(404, 'NoSuchBucket')
    const key = rest.join('/')
    const words = { method: request.method ?? '', key, query: url.searchParams, body: Buffer.concat(chunks) }
    const { status, body, code } = key === '' ? this.#list(url.searchParams) : this.#object(words)
    if (code !== undefined) return refuse(status, code)
    response.writeHead(status, { etag: '"e"' })
    response.end(body)
  }

  #object(words: { method: string; key: string; query: URLSearchParams; body: Buffer }): Answer {
    const { body, key, method, query } = words
    const uploadId = query.get('uploadId')
    if (method === 'POST' && query.has('uploads')) {
      const id = `upload-${this.#uploadCount++}`
      this.uploads.set(id, new Map())
      return xml(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`)
    }
    if (uploadId !== null) return this.#upload(uploadId, words)
    if (method === 'PUT') {
      this.objects.set(key, body)
      return { status: 200, body: '' }
    }
    const found = this.objects.get(key)
    if (method === 'DELETE') {
      this.objects.delete(key)
      return { status: 204, body: '' }
    }
    return found === undefined ? { status: 404, body: '', code: 'NoSuchKey' } : { status: 200, body: found }
  }

  #upload(id: string, words: { method: string; key: string; query: URLSearchParams; body: Buffer }): Answer {
    const parts = this.uploads.get(id)
    if (parts === undefined) return { status: 404, body: '', code: 'NoSuchUpload' }
    if (words.method === 'PUT') {
      const number = Number(words.query.get('partNumber'))
      if (this.refusedFromPart !== null && number >= this.refusedFromPart) {
        return { status: 403, body: '', code: 'AccessDenied' }
      }
      parts.set(number, words.body)
      return { status: 200, body: '' }
    }
    this.uploads.delete(id)
    if (words.method === 'DELETE') return { status: 204, body: '' }
    const ordered = [...parts].toSorted(([one], [other]) => one - other).map(([, part]) => part)
    this.objects.set(words.key, Buffer.concat(ordered))
    return xml(`<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>`)
  }

  #list(query: URLSearchParams): Answer {
    const prefix = query.get('prefix') ?? ''
    const after = query.get('continuation-token') ?? ''
    const keys = [...this.objects.keys()].filter((key) => {
      return key.startsWith(prefix) && !key.slice(prefix.length).includes('/') && key > after
    })
    const page = keys.toSorted().slice(0, KEYS_A_PAGE)
    const contents = page.map(
      (key) => `<Contents><Key>${key}</Key><Size>${this.objects.get(key)?.length ?? 0}</Size></Contents>`,
    )
    const next = keys.length > page.length ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : ''
    const isTruncated = `<IsTruncated>${next !== ''}</IsTruncated>`
    return xml(`<ListBucketResult>${contents.join('')}${next}${isTruncated}</ListBucketResult>`)
  }
}

interface Answer {
  readonly status: number
  readonly body: string | Buffer
  readonly code?: string
}

const xml = (text: string): Answer => ({ status: 200, body: text })
