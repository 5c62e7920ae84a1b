// A TCP proxy that a test can freeze, so that connections through it become half-open, or cut.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

export class TcpProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #frozen = false
  acceptedCount = 0

  private constructor(server: Server) {
    this.#server = server
  }

  /** Forwards to `targetPort` on the loopback address. */
  static async start(targetPort: number): Promise<TcpProxy> {
    const server = createServer()
    const proxy = new TcpProxy(server)
    server.on('connection', (socket) => proxy.#forward(socket, targetPort))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return proxy
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Nothing passes any more on the present connections, and nobody is told. New ones hang too. */
  freeze(): void {
    for (const socket of this.#sockets) socket.removeAllListeners('data').pause()
    this.#frozen = true
  }

  /** New connections pass; the frozen ones stay frozen. */
  thaw(): void {
    this.#frozen = false
  }

  /** Ends the present connections on both sides at once. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async close(): Promise<void> {
    this.cut()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #forward(inbound: Socket, targetPort: number): void {
    this.acceptedCount += 1
    const outbound = connect(targetPort, '127.0.0.1')
    const ends = [inbound, outbound] as const
    for (const [from, to] of [ends, [outbound, inbound] as const]) {
      this.#sockets.add(from)
      from.on('error', () => {})
      from.on('close', () => this.#sockets.delete(from))
      if (this.#frozen) continue
      from.on('data', (chunk) => to.write(chunk))
      from.on('close', () => to.destroy())
    }
  }
}
