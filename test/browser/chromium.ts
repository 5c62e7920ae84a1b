// A headless Chromium, driven over the DevTools protocol.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { WebSocket } from 'ws'
import { eventually } from '../support/eventually.ts'

const START_TIMEOUT_MS = 20_000

interface Message {
  readonly id?: number
  readonly method?: string
  readonly sessionId?: string
  readonly params?: Record<string, unknown>
  readonly result?: Record<string, unknown>
  readonly error?: { readonly message: string }
}

/** One tab. What its page prints with console.log is kept, as text. */
export interface Page {
  readonly printed: string[]
  /** Runs the body of an async function in the page; returns what it returns, as JSON. Rejects with what it throws. */
  run(body: string): Promise<unknown>
}

export class Chromium {
  readonly #child: ChildProcess
  readonly #socket: WebSocket
  readonly #profile: string
  readonly #waiting = new Map<number, (message: Message) => void>()
  readonly #printed = new Map<string, string[]>()
  #nextId = 1

  private constructor(child: ChildProcess, socket: WebSocket, profile: string) {
    this.#child = child
    this.#socket = socket
    this.#profile = profile
    socket.on('message', (frame: Buffer) => this.#receive(JSON.parse(String(frame)) as Message))
  }

  /** Starts the program that CHROMIUM names. */
  static async start(): Promise<Chromium> {
    const program = process.env['CHROMIUM']
    if (program === undefined) throw new Error('CHROMIUM does not say where Chromium is')
    const profile = await mkdtemp(path.join(tmpdir(), 'insi-chromium-'))
    const child = spawn(
      program,
      ['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0', `--user-data-dir=${profile}`],
      { stdio: ['ignore', 'ignore', 'pipe'], env: {} },
    )
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => (stderr += String(chunk)))
    const url = await eventually('Chromium listens', () => /listening on (ws:\S+)/.exec(stderr)?.[1], {
      timeoutMs: START_TIMEOUT_MS,
    })
    const socket = new WebSocket(url)
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    return new Chromium(child, socket, profile)
  }

  /** A page with the origin of `url`. */
  async open(url: string): Promise<Page> {
    const { targetId } = await this.#send('Target.createTarget', { url })
    const { sessionId } = await this.#send('Target.attachToTarget', { targetId, flatten: true })
    const session = String(sessionId)
    const printed: string[] = []
    this.#printed.set(session, printed)
    await this.#send('Runtime.enable', {}, session)
    const run = async (body: string): Promise<unknown> => {
      const expression = `(async () => {${body}\n})()`
      const options = { expression, awaitPromise: true, returnByValue: true }
      const { result, exceptionDetails } = await this.#send('Runtime.evaluate', options, session)
      if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails))
      return (result as { value?: unknown }).value
    }
    await eventually('the page is there', async () =>
      (await run('return location.origin')) === new URL(url).origin ? true : undefined,
    )
    return { printed, run }
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve))
    this.#socket.send(JSON.stringify({ id: 0, method: 'Browser.close' }))
    await ended
    this.#socket.terminate()
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }

  #send(method: string, params: object, sessionId?: string): Promise<Record<string, unknown>> {
    const id = this.#nextId++
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }))
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ error, result = {} }) => {
        if (error === undefined) resolve(result)
        else reject(new Error(`${method}: ${error.message}`))
      })
    })
  }

  #receive(message: Message): void {
    if (message.id !== undefined) {
      this.#waiting.get(message.id)?.(message)
      this.#waiting.delete(message.id)
    } else if (message.method === 'Runtime.consoleAPICalled') {
      const values = message.params?.['args'] as readonly { value?: unknown; preview?: unknown; description?: string }[]
      const text = values.map(({ value, description, preview }) => JSON.stringify(value ?? preview ?? description))
      this.#printed.get(message.sessionId ?? '')?.push(text.join(' '))
    }
  }
}
