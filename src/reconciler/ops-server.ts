// Health, metrics, and the question of a pod that was asked to stop. No keys, and nothing that needs one.
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { messageOf } from '../base/errors.ts'
import type { ReconcilerMetrics } from '../metrics/reconciler-metrics.ts'
import type { Reconciler } from './reconciler.ts'

const CONDEMNED_PATH = '/condemned/'
const TEXT = 'text/plain; charset=utf-8'
/** Pods ask at the same time, each about itself; more than these are no pods. */
const QUESTIONS_MAX = 32

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

export class OpsServer {
  readonly #reconciler: Reconciler
  readonly #metrics: ReconcilerMetrics
  readonly #server: Server
  #questions = 0

  constructor(reconciler: Reconciler, metrics: ReconcilerMetrics) {
    this.#reconciler = reconciler
    this.#metrics = metrics
    this.#server = createServer((request, response) => void this.#handle(request, response))
  }

  /** Resolves with the port. */
  async listen(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, resolve)
    })
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
    })
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { body, status, type } = await this.#answer(request).catch((error: unknown) => plain(500, messageOf(error)))
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body)
  }

  async #answer({ method, url = '/' }: IncomingMessage): Promise<Answer> {
    const { pathname } = new URL(url, 'http://localhost')
    if (method !== 'GET' && method !== 'HEAD') return plain(405, 'only GET')
    if (pathname === '/livez') return plain(200, 'ok')
    if (pathname === '/readyz') {
      const reason = this.#reconciler.notReadyReason()
      return reason === null ? plain(200, 'ok') : plain(503, reason)
    }
    if (pathname === '/metrics') {
      return { status: 200, type: this.#metrics.contentType, body: await this.#metrics.text() }
    }
    if (pathname.startsWith(CONDEMNED_PATH)) return this.#condemned(pathname.slice(CONDEMNED_PATH.length))
    return plain(404, 'there are /livez, /readyz, /metrics and /condemned/<pod>')
  }

  async #condemned(podName: string): Promise<Answer> {
    if (this.#questions >= QUESTIONS_MAX) return plain(503, 'too many questions at once')
    this.#questions += 1
    try {
      const answer = await this.#reconciler.verdict(podName)
      return { status: 200, type: 'application/json', body: JSON.stringify(answer) }
    } catch (error) {
      return plain(503, messageOf(error))
    } finally {
      this.#questions -= 1
    }
  }
}

function plain(status: number, text: string): Answer {
  return { status, type: TEXT, body: `${text}\n` }
}
