// `npm run bench -- --events`: fan-out of one publisher to many subscribers, and the memory of idle subscribers.
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { WebSocket } from 'ws'
import { startInsi, type Target } from './targets.ts'

const FAN_OUTS = [100, 1_000]
const IDLE_COUNT = 5_000
const MEASURE_MS = 5_000
const OPENING_AT_ONCE = 50
/** Publishes under way at the same time; one client that pipelines, not a crowd. */
const PUBLISHES_AT_ONCE = 8
const DATA = 'x'.repeat(100)

function residentMiB(target: Target): number {
  const status = readFileSync(`/proc/${target.pids[0]}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}

function open(target: Target, topic: string, onEvent: () => void): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const url = `${target.url.replace('http', 'ws')}/db/api/v1/events/subscribe?topic=${topic}`
    const socket = new WebSocket(url, { headers: { authorization: target.token }, perMessageDeflate: false })
    socket.on('message', onEvent)
    socket.once('open', () => resolve(socket))
    socket.once('error', reject)
  })
}

async function openMany(target: Target, count: number, onEvent: () => void): Promise<WebSocket[]> {
  const sockets: WebSocket[] = []
  while (sockets.length < count) {
    const batch = Math.min(OPENING_AT_ONCE, count - sockets.length)
    sockets.push(...(await Promise.all(Array.from({ length: batch }, () => open(target, 'bench', onEvent)))))
  }
  return sockets
}

async function closeAll(sockets: readonly WebSocket[]): Promise<void> {
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise((resolve) => {
          socket.once('close', resolve)
          socket.close(1000)
        }),
    ),
  )
}

function publish(agent: Agent, target: Target): Promise<void> {
  const body = JSON.stringify({ topic: 'bench', data: DATA })
  return new Promise((resolve, reject) => {
    const headers = { authorization: target.token, 'content-length': Buffer.byteLength(body) }
    const sent = request(`${target.url}/db/api/v1/events`, { method: 'POST', agent, headers }, (answer) => {
      answer.resume()
      answer.on('end', () =>
        answer.statusCode === 200 ? resolve() : reject(new Error(`publish answered ${answer.statusCode}`)),
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

async function fanOut(target: Target, count: number): Promise<string> {
  const seen = { deliveredCount: 0, closedCount: 0 }
  const sockets = await openMany(target, count, () => (seen.deliveredCount += 1))
  for (const socket of sockets) socket.once('close', () => (seen.closedCount += 1))
  const agent = new Agent({ keepAlive: true })
  let publishedCount = 0
  const began = performance.now()
  await Promise.all(
    Array.from({ length: PUBLISHES_AT_ONCE }, async () => {
      while (performance.now() - began < MEASURE_MS) {
        // Never so far ahead that subscribers would be closed as too slow: that is another measurement.
        if (publishedCount * count - seen.deliveredCount > 200 * count)
          await new Promise((resolve) => setTimeout(resolve, 1))
        else {
          publishedCount += 1
          await publish(agent, target)
        }
      }
    }),
  )
  const expectedCount = publishedCount * count
  const isWaiting = (): boolean => seen.deliveredCount < expectedCount && seen.closedCount === 0
  while (isWaiting() && performance.now() - began < 4 * MEASURE_MS) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const seconds = (performance.now() - began) / 1000
  agent.destroy()
  const row = [count, Math.round(publishedCount / seconds), Math.round(seen.deliveredCount / seconds), seen.closedCount]
  await closeAll(sockets)
  return `| ${row.join(' | ')} |`
}

/** Prints both tables; see docs/PERFORMANCE.md. */
export async function measureEvents(): Promise<void> {
  const target = await startInsi(1)
  try {
    console.log('| subscribers | published/s | delivered/s | closed |\n|---|---|---|---|')
    for (const count of FAN_OUTS) console.log(await fanOut(target, count))
  } finally {
    await target.stop()
  }
  const idle = await startInsi(1)
  try {
    const before = residentMiB(idle)
    const sockets = await openMany(idle, IDLE_COUNT, () => {})
    const after = residentMiB(idle)
    console.log(`\n${IDLE_COUNT} idle subscribers: ${before.toFixed(0)} MiB before, ${after.toFixed(0)} MiB with them`)
    await closeAll(sockets)
  } finally {
    await idle.stop()
  }
}
