// The network between nodes of one machine, from which a test can cut one node: each node is reached through a listener here.
import { once } from 'node:events'
import { readFile, readdir, readlink } from 'node:fs/promises'
import { type Server, type Socket, connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

interface Way {
  readonly from: Socket
  readonly to: Socket
  readonly nodeId: string
}

export class CutNetwork {
  readonly #servers = new Map<string, Server>()
  readonly #targets = new Map<string, number>()
  readonly #ways = new Set<Way>()
  #cut: { readonly nodeId: string; readonly pid: number } | null = null

  static async start(nodeIds: readonly string[]): Promise<CutNetwork> {
    const network = new CutNetwork()
    for (const nodeId of nodeIds) {
      const server = createServer((socket) => void network.#forward(socket, nodeId))
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      network.#servers.set(nodeId, server)
    }
    return network
  }

  /** What the node has to advertise. */
  portOf(nodeId: string): number {
    return (this.#servers.get(nodeId)?.address() as AddressInfo | undefined)?.port ?? 0
  }

  /** Where the node listens. */
  setTarget(nodeId: string, port: number): void {
    this.#targets.set(nodeId, port)
  }

  /** From now on nothing passes to this node or from this process; connections that stand are closed. */
  async cut(nodeId: string, pid: number): Promise<void> {
    this.#cut = { nodeId, pid }
    for (const way of this.#ways) if (await this.#isCut(way.nodeId, way.from)) way.from.destroy()
  }

  mend(): void {
    this.#cut = null
  }

  async close(): Promise<void> {
    for (const { from } of this.#ways) from.destroy()
    await Promise.all([...this.#servers.values()].map((server) => new Promise((resolve) => server.close(resolve))))
  }

  async #isCut(nodeId: string, from: Socket): Promise<boolean> {
    if (this.#cut === null) return false
    return this.#cut.nodeId === nodeId || (await holdsPort(this.#cut.pid, from.remotePort ?? 0))
  }

  async #forward(from: Socket, nodeId: string): Promise<void> {
    from.on('error', () => from.destroy()).pause()
    if (await this.#isCut(nodeId, from)) {
      from.destroy()
      return
    }
    const to = connect(this.#targets.get(nodeId) ?? 0, '127.0.0.1')
    const way: Way = { from, to, nodeId }
    this.#ways.add(way)
    from.on('close', () => {
      this.#ways.delete(way)
      to.destroy()
    })
    to.on('error', () => from.destroy()).on('close', () => from.destroy())
    from.pipe(to).pipe(from)
  }
}

/** Whether the process has a TCP socket that is bound to this port of the loopback address, as Linux tells. */
async function holdsPort(pid: number, port: number): Promise<boolean> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const lines = (await readFile('/proc/net/tcp', 'utf8')).split('\n').slice(1)
  const inodes = lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '']) => local.endsWith(suffix))
    .map((fields) => `socket:[${fields[9] ?? ''}]`)
  const folder = `/proc/${pid}/fd`
  const links = await Promise.all((await readdir(folder)).map((fd) => readlink(`${folder}/${fd}`).catch(() => '')))
  return links.some((link) => inodes.includes(link))
}
