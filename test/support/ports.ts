// Ports for servers that must know theirs before they listen. They lie below what systems give to outgoing connections, and each
// jest worker has its own, so that nobody takes one between its choice and its use.
import { createServer } from 'node:net'

const FIRST_PORT = 13_000
const PORTS_OF_A_WORKER = 1_000
const WORKERS_MAX = 16

const worker = Number(process.env['JEST_WORKER_ID'] ?? 1) % WORKERS_MAX
let next = Math.floor(Math.random() * PORTS_OF_A_WORKER)

/** `count` different ports of 127.0.0.1 on which nobody listens. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  for (let tried = 0; ports.length < count; tried += 1) {
    if (tried === PORTS_OF_A_WORKER) throw new Error(`fewer than ${count} of ${PORTS_OF_A_WORKER} ports are free`)
    const port = FIRST_PORT + worker * PORTS_OF_A_WORKER + (next++ % PORTS_OF_A_WORKER)
    if (await isFree(port)) ports.push(port)
  }
  return ports
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
