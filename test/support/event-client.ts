// Subscribers for tests: a WebSocket that keeps what it received, and what a refused handshake was answered.
import { request } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { WebSocket } from 'ws'
import { eventually } from './eventually.ts'

export interface SocketEnd {
  readonly code: number
  readonly reason: string
}

export class SocketReader {
  readonly socket: WebSocket
  /** Frames in order of arrival. */
  readonly frames: string[] = []
  readonly ended: Promise<SocketEnd>
  #readCount = 0

  constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (frame: Buffer) => this.frames.push(frame.toString('utf8')))
    socket.on('error', () => {})
    this.ended = new Promise((resolve) => {
      socket.once('close', (code, reason) => resolve({ code, reason: String(reason) }))
    })
  }

  events(): Record<string, unknown>[] {
    return this.frames.map((frame) => JSON.parse(frame) as Record<string, unknown>)
  }

  /** The next `count` frames that were not read yet. */
  async take(count: number): Promise<Record<string, unknown>[]> {
    const from = this.#readCount
    this.#readCount += count
    await eventually(`${count} frames arrive`, () => (this.frames.length >= from + count ? true : undefined))
    return this.events().slice(from, from + count)
  }

  async next(): Promise<Record<string, unknown> | undefined> {
    return (await this.take(1))[0]
  }

  async close(): Promise<void> {
    this.socket.close(1000)
    await this.ended
  }
}

export function openSocket(
  url: string,
  options: { readonly headers?: Record<string, string>; readonly protocols?: string[] } = {},
): Promise<SocketReader> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, options.protocols ?? [], { headers: options.headers ?? {} })
    const reader = new SocketReader(socket)
    socket.once('open', () => resolve(reader))
    socket.once('error', reject)
  })
}

export interface Refusal {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Readonly<Record<string, string>>
}

/** The answer to a handshake that must not succeed. Headers that are empty are left out. */
export function refusalOf(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Refusal> {
  const handshake = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  }
  const sent = Object.fromEntries(Object.entries(handshake).filter(([, value]) => value !== ''))
  return new Promise((resolve, reject) => {
    const upgrade = request(url.replace('ws:', 'http:'), { headers: sent })
    upgrade.on('error', reject)
    upgrade.on('upgrade', (_response, socket) => {
      socket.destroy()
      reject(new Error('the handshake succeeded'))
    })
    upgrade.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, string>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body })
      })
    })
    upgrade.end()
  })
}
