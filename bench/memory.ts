// Resident memory of a node: idle, with one million values, and after a restart with them; and how long that start takes.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startInsi, type Target } from './targets.ts'

const VALUE_COUNT = 1_000_000
const WRITERS = 128

/** Of the first process of a target. */
export function residentMiB(target: Target): number {
  const status = readFileSync(`/proc/${target.pids[0]}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}

/** Connections that set values. */
export class WritingAgent {
  readonly #agent: Agent

  constructor(connectionCount: number) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: connectionCount })
  }

  /** Resolves when the value is acknowledged. */
  set(target: Target, key: string, value: string): Promise<void> {
    const body = JSON.stringify({ key, value })
    return new Promise((resolve, reject) => {
      const headers = { authorization: target.token, 'content-length': Buffer.byteLength(body) }
      const sent = request(`${target.url}/db/api/v1/set`, { method: 'POST', agent: this.#agent, headers }, (answer) => {
        answer.resume()
        answer.on('end', () =>
          answer.statusCode === 200 ? resolve() : reject(new Error(`set answered ${answer.statusCode}`)),
        )
      })
      sent.on('error', reject)
      sent.end(body)
    })
  }

  destroy(): void {
    this.#agent.destroy()
  }
}

async function fill(target: Target): Promise<void> {
  const agent = new WritingAgent(WRITERS)
  let next = 0
  const value = 'v'.repeat(100)
  await Promise.all(
    Array.from({ length: WRITERS }, async () => {
      while (next < VALUE_COUNT) {
        const number = next++
        await agent.set(target, `key${String(number).padStart(9, '0')}`, value)
        if (number % 100_000 === 0) process.stderr.write(`${number} values, ${Math.round(residentMiB(target))} MiB\n`)
      }
    }),
  )
  agent.destroy()
}

/** Prints a table of resident memory; see docs/PERFORMANCE.md. */
export async function measureMemory(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'insi-bench-'))
  try {
    let target = await startInsi(1, folder, true)
    const idle = residentMiB(target)
    await fill(target)
    const filled = residentMiB(target)
    await target.stop()
    const began = performance.now()
    target = await startInsi(1, folder, true)
    const startSeconds = (performance.now() - began) / 1000
    const restarted = residentMiB(target)
    await target.stop()
    console.log('| | resident MiB |\n|---|---|')
    console.log(
      `| idle | ${idle.toFixed(0)} |\n| after writing ${VALUE_COUNT} values of 100 bytes | ${filled.toFixed(0)} |\n| restarted with them | ${restarted.toFixed(0)} |`,
    )
    console.log(`\nStart with ${VALUE_COUNT} values until a write is answered: ${startSeconds.toFixed(1)} s`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
