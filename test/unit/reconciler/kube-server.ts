// As much of an API server as the reconciler asks for, over real HTTP: objects by path, what is denied, and what was written.
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { KubeConfig } from '../../../src/reconciler/kubernetes.ts'

type Members = Record<string, unknown>

interface KubeObject {
  apiVersion: string
  kind: string
  metadata: Members & { name: string; annotations?: Record<string, string> }
  [member: string]: unknown
}

const VERBS: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch' }

export class KubeServer {
  /** By resource and name, such as `configmaps/insi`. */
  readonly objects = new Map<string, KubeObject>()
  readonly events: { readonly reason: string; readonly note: string }[] = []
  /** Verb and object, such as `patch configmaps/insi` or `list pods`. */
  readonly denied = new Set<string>()
  /** Every write that was carried out, but renewals of the lease. */
  readonly writes: string[] = []
  /** The pods as they are now. */
  pods: () => readonly KubeObject[] = () => []
  /** Called before and after each write; false: the connection is cut. */
  gate: (request: string, isDone: boolean) => boolean = () => true
  #version = 0
  readonly #watches = new Set<ServerResponse>()
  readonly #server = createServer((request, response) => void this.#serve(request, response))

  static async start(): Promise<KubeServer> {
    const server = new KubeServer()
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get config(): KubeConfig {
    const config = new KubeConfig()
    const { port } = this.#server.address() as AddressInfo
    config.loadFromClusterAndUser({ name: 'c', server: `http://127.0.0.1:${port}`, skipTLSVerify: true }, { name: 'u' })
    return config
  }

  put(resource: string, apiVersion: string, kind: string, name: string, more: Members = {}): void {
    this.objects.set(`${resource}/${name}`, {
      apiVersion,
      kind,
      metadata: { name, uid: `uid-${name}`, resourceVersion: String(++this.#version) },
      ...more,
    })
  }

  data(name: string): Record<string, string> {
    return (this.objects.get(`configmaps/${name}`)?.['data'] ?? {}) as Record<string, string>
  }

  /** Every watch ends, as they do now and then. */
  endWatches(): void {
    for (const watch of this.#watches) watch.end()
    this.#watches.clear()
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://localhost')
    const [resource = '', name] = url.pathname.split('/namespaces/shop/')[1]?.split('/') ?? []
    const { method = '' } = request
    const isWatch = url.searchParams.has('watch')
    const verb = isWatch ? 'watch' : (VERBS[method] ?? (name === undefined ? 'list' : 'get'))
    const watched = /^metadata\.name=(.+)$/.exec(url.searchParams.get('fieldSelector') ?? '')?.[1]
    const object = [resource, name ?? watched].filter((part) => part !== undefined).join('/')
    const asked = `${verb} ${object}`
    const body = await textOf(request)
    const send = (status: number, answer: unknown): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    if (this.denied.has(asked)) {
      send(403, { kind: 'Status', code: 403, reason: 'Forbidden', message: `cannot ${asked}` })
    } else if (isWatch) {
      this.#watches.add(response.writeHead(200, { 'content-type': 'application/json' }))
      response.flushHeaders()
    } else if (verb === 'list') send(200, { items: this.pods() })
    else if (verb === 'get') {
      const found = this.objects.get(object)
      send(found === undefined ? 404 : 200, found ?? { message: 'not found' })
    } else if (!this.gate(asked, false)) request.socket.destroy()
    else {
      const written = this.#write(verb, object, JSON.parse(body) as Members)
      if (this.gate(asked, true)) send(written === null ? 409 : 200, written ?? { message: 'conflict' })
      else request.socket.destroy()
    }
  }

  #write(verb: string, object: string, body: Members): unknown {
    if (verb === 'create') {
      this.events.push({ reason: String(body['reason']), note: String(body['note']) })
      this.writes.push(`create event ${String(body['reason'])}`)
      return body
    }
    const found = this.objects.get(object)
    if (found === undefined) return null
    const { metadata: told, ...members } = body as KubeObject
    if (verb === 'update' && told['resourceVersion'] !== found.metadata['resourceVersion']) return null
    const annotations = { ...found.metadata.annotations, ...told.annotations }
    const metadata = { ...found.metadata, annotations, resourceVersion: String(++this.#version) }
    // What others own stays.
    const data = { ...(found['data'] as Members | undefined), ...(members['data'] as Members | undefined) }
    const written = { ...found, ...members, ...(object.startsWith('configmaps/') ? { data } : {}), metadata }
    this.objects.set(object, written)
    if (!object.startsWith('leases/')) this.writes.push(`${verb} ${object}`)
    return written
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
