// As much of Kubernetes' API as the reconciler asks for: one StatefulSet whose pods are the nodes of a cluster of processes.
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const BASE_YAML = 'defaultLeader: insi-0\n'

interface Stored {
  readonly metadata: Record<string, unknown>
  readonly [member: string]: unknown
}

export class KubernetesStandIn {
  readonly #server: Server
  readonly #objects = new Map<string, Stored>()
  readonly #pods: readonly Stored[]
  #version = 1

  /** Not listening yet. `podNames`: insi-0 and so on. */
  constructor(namespace: string, setName: string, podNames: readonly string[]) {
    const labels = { app: setName }
    const named = (name: string, more: object = {}): Stored['metadata'] => ({
      name,
      namespace,
      uid: name,
      resourceVersion: '1',
      ...more,
    })
    this.#objects.set(`statefulsets/${setName}`, {
      metadata: named(setName),
      spec: { replicas: podNames.length, selector: { matchLabels: labels }, serviceName: `${setName}-headless` },
    })
    this.#objects.set(`configmaps/${setName}`, { metadata: named(setName), data: { 'base.yaml': BASE_YAML } })
    for (const suffix of ['status', 'identity']) {
      this.#objects.set(`configmaps/${setName}-${suffix}`, { metadata: named(`${setName}-${suffix}`), data: {} })
    }
    this.#objects.set(`leases/${setName}-reconciler`, { metadata: named(`${setName}-reconciler`), spec: {} })
    this.#pods = podNames.map((name) => ({
      metadata: named(name, { labels, ownerReferences: [{ kind: 'StatefulSet', name: setName }] }),
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
    }))
    this.#server = createServer((request, response) => void this.#answer(request, response))
  }

  /** Resolves with its address. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://kubernetes')
    const [kind = '', name = ''] = pathname.replace(/^.*\/namespaces\/[^/]+\//, '').split('/')
    if (searchParams.has('watch')) {
      // Nothing changes, so nothing is told for as long as the client asks.
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
      return
    }
    const text = await bodyOf(request)
    const { body, status } = this.#result(request.method ?? 'GET', kind, name, text)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }

  #result(method: string, kind: string, name: string, text: string): { status: number; body: object } {
    if (method === 'POST') return { status: 201, body: JSON.parse(text) as object }
    if (kind === 'pods') return { status: 200, body: { kind: 'PodList', metadata: {}, items: this.#pods } }
    const known = this.#objects.get(`${kind}/${name}`)
    if (known === undefined) return { status: 404, body: { kind: 'Status', message: `no ${kind} ${name}`, code: 404 } }
    if (method === 'GET') return { status: 200, body: known }
    const given = JSON.parse(text) as { metadata?: object; data?: object; spec?: object }
    const changed = {
      ...known,
      ...(given.data === undefined ? {} : { data: { ...(known['data'] as object), ...given.data } }),
      ...(given.spec === undefined ? {} : { spec: given.spec }),
      metadata: { ...known.metadata, ...given.metadata, resourceVersion: String((this.#version += 1)) },
    }
    this.#objects.set(`${kind}/${name}`, changed)
    return { status: 200, body: changed }
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
