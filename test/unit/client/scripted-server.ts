// A real HTTP server that answers what a test tells it to, in the words of the API, and keeps what it was asked.
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { ERRORS } from '../../../src/contract/errors.ts'
import type { ErrorCode } from '../../../src/contract/errors.ts'

export interface ReceivedRequest {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: IncomingHttpHeaders
  /** Parsed JSON; undefined when there was no body. */
  readonly body: unknown
}

export interface ScriptedAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly text: string
}

/** `hang`: no answer; `drop`: the connection is cut after the request has arrived. */
export type Script = (request: ReceivedRequest) => ScriptedAnswer | 'hang' | 'drop'

export class ScriptedServer {
  readonly requests: ReceivedRequest[] = []
  script: Script
  readonly server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(script: Script) {
    this.script = script
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const url = new URL(request.url ?? '/', 'http://local')
        const text = Buffer.concat(chunks).toString('utf8')
        const received: ReceivedRequest = {
          method: request.method ?? '',
          path: url.pathname,
          query: Object.fromEntries(url.searchParams),
          headers: request.headers,
          body: text === '' ? undefined : (JSON.parse(text) as unknown),
        }
        this.requests.push(received)
        const answer = this.script(received)
        if (answer === 'drop') request.socket.destroy()
        else if (answer !== 'hang') response.writeHead(answer.status, answer.headers).end(answer.text)
      })
    })
    this.server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  /** Listens on a free port of the loopback interface. */
  static async start(script: Script = () => empty()): Promise<ScriptedServer> {
    const scripted = new ScriptedServer(script)
    await new Promise<void>((resolve) => scripted.server.listen(0, '127.0.0.1', resolve))
    return scripted
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  get url(): string {
    return `http://${this.address}`
  }

  get connectionCount(): number {
    return this.#sockets.size
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.server.close(resolve))
  }
}

/** The answer of a write: 200 without a body. */
export function empty(status = 200): ScriptedAnswer {
  return { status, text: '' }
}

/** A JSON answer, with the line end that the API sends. */
export function json(body: unknown, status = 200): ScriptedAnswer {
  return { status, headers: { 'content-type': 'application/json' }, text: `${JSON.stringify(body)}\n` }
}

/** An error as the API answers it, with the status, message and hint of the catalogue. */
export function apiError(
  code: ErrorCode,
  options: { readonly message?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): ScriptedAnswer {
  const { status, meaning, hint } = ERRORS[code]
  const answer = json({ error_type: code, message: options.message ?? meaning, hint, request_id: 'req-1' }, status)
  return { ...answer, headers: { ...answer.headers, ...options.headers } }
}

/** Gives the answers one after another, the last one for ever. */
export function inTurn(...answers: readonly ReturnType<Script>[]): Script {
  let at = 0
  return () => answers[Math.min(at++, answers.length - 1)] ?? empty()
}

/** A port that nobody listens on. */
export async function closedPort(): Promise<number> {
  const server = await ScriptedServer.start()
  const { port } = server
  await server.stop()
  return port
}
