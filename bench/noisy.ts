// `npm run bench -- --noisy`: what a quiet tenant notices while another one misbehaves with its sockets, and the memory it takes.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import path from 'node:path'
import { startBare, startInsi, type Target } from './targets.ts'

const CONNECTS = 10_000
const BASELINE_MS = 8_000
const QUIET_CLIENTS = 4
const QUIET_PAUSE_MS = 5

interface Case {
  readonly title: string
  /** Of noise.ts; null: nobody misbehaves. */
  readonly kind: string | null
  readonly key: 'noisy' | 'bad'
  /** The same noise for another server on the same machine: what of it is but shared processors. */
  readonly isElsewhere?: boolean
  readonly count: number
}

const CASES: readonly Case[] = [
  { title: 'nothing', kind: null, key: 'noisy', count: 0 },
  { title: 'WebSockets with a bad token', kind: 'web-sockets', key: 'bad', count: CONNECTS },
  { title: 'WebSockets over the limit', kind: 'web-sockets', key: 'noisy', count: CONNECTS },
  { title: 'event streams with a bad token', kind: 'event-streams', key: 'bad', count: CONNECTS },
  { title: 'event streams to a bare server', kind: 'event-streams', key: 'bad', count: CONNECTS, isElsewhere: true },
  { title: 'event streams over the limit', kind: 'event-streams', key: 'noisy', count: CONNECTS },
  { title: 'oversized frames', kind: 'oversized', key: 'noisy', count: CONNECTS },
  { title: 'garbage frames', kind: 'garbage', key: 'noisy', count: CONNECTS },
  { title: 'handshakes that stop halfway', kind: 'half-open', key: 'noisy', count: 5_000 },
  { title: '200 subscribers that do not read', kind: 'unread', key: 'noisy', count: 2_000 },
  { title: 'nothing, once more', kind: null, key: 'noisy', count: 0 },
]

function residentMiB(target: Target): number {
  const status = readFileSync(`/proc/${target.pids[0]}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}

function call(agent: Agent, url: string, key: string, body: object): Promise<{ status: number; text: string }> {
  const sentBody = JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const headers = { authorization: key, 'content-length': Buffer.byteLength(sentBody) }
    const sent = request(url, { method: 'POST', agent, headers }, (answer) => {
      let text = ''
      answer.on('data', (chunk: Buffer) => (text += String(chunk)))
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
    })
    sent.on('error', reject)
    sent.end(sentBody)
  })
}

async function createKey(agent: Agent, target: Target, name: string): Promise<string> {
  const { text } = await call(agent, `${target.privateUrl}/db/api/v1/admin/api/create`, target.token, {
    key_name: name,
  })
  return (JSON.parse(text) as { key: string }).key
}

/** Runs the noise to its end; resolves with how it was answered. */
function makeNoise(url: string, { kind, count }: Case, key: string): Promise<string> {
  const script = path.resolve(import.meta.dirname, 'noise.ts')
  const child = spawn(process.execPath, [script, kind ?? '', url, key, String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  child.stdout.on('data', (chunk: Buffer) => (printed += String(chunk)))
  return new Promise((resolve) => child.once('close', () => resolve(printed.trim())))
}

async function measure(
  target: Target,
  one: Case,
  keys: { quiet: string; noisy: string; bad: string },
  noiseUrl: string,
): Promise<string> {
  const agent = new Agent({ keepAlive: true })
  const latenciesMs: number[] = []
  const state = { isOver: false, failures: 0, residentMiB: residentMiB(target) }
  const watching = setInterval(() => (state.residentMiB = Math.max(state.residentMiB, residentMiB(target))), 200)
  const quiet = Array.from({ length: QUIET_CLIENTS }, async (_, client) => {
    for (let n = 0; !state.isOver; n += 1) {
      const route = n % 2 === 0 ? 'set' : 'get'
      const body = route === 'set' ? { key: `k${client}`, value: String(n) } : { key: `k${client}` }
      const began = performance.now()
      const { status } = await call(agent, `${target.url}/db/api/v1/${route}`, keys.quiet, body)
      latenciesMs.push(performance.now() - began)
      if (status !== 200) state.failures += 1
      await new Promise((resolve) => setTimeout(resolve, QUIET_PAUSE_MS))
    }
  })
  const began = performance.now()
  const noise =
    one.kind === null
      ? new Promise<string>((resolve) => setTimeout(() => resolve('{}'), BASELINE_MS))
      : makeNoise(noiseUrl, one, keys[one.key])
  const answers = await noise
  const seconds = (performance.now() - began) / 1_000
  state.isOver = true
  await Promise.all(quiet)
  clearInterval(watching)
  agent.destroy()
  latenciesMs.sort((a, b) => a - b)
  const at = (part: number): string => (latenciesMs[Math.floor(latenciesMs.length * part)] ?? 0).toFixed(1)
  const rate = one.count === 0 ? '' : String(Math.round(one.count / seconds))
  const answered = answers.replaceAll(/["{}]/g, '').replaceAll(',', ', ').replaceAll(':', ': ')
  const cells = [one.title, rate, answered, at(0.5), at(0.99), state.failures, state.residentMiB.toFixed(0)]
  return `| ${cells.join(' | ')} |`
}

/** Prints one row for each kind of noise; see docs/PERFORMANCE.md. */
export async function measureNoisy(): Promise<void> {
  const [target, bare] = [await startInsi(1), await startBare()]
  const agent = new Agent({ keepAlive: true })
  try {
    const [quiet, noisy] = [await createKey(agent, target, 'quiet'), await createKey(agent, target, 'noisy')]
    const keys = { quiet, noisy, bad: `${noisy.slice(0, -4)}AAAA` }
    const limit = (subscribers: number): Promise<unknown> =>
      call(agent, `${target.privateUrl}/db/api/v1/admin/limits/set`, target.token, {
        api_key: noisy,
        limits: { subscribers, rate_per_second_event_limit: 1_000_000 },
      })
    console.log(
      '| the noisy tenant | a second | answers | p50 ms | p99 ms | failed | MiB |\n|---|---|---|---|---|---|---|',
    )
    for (const one of CASES) {
      await limit(one.title.endsWith('over the limit') ? 0 : 1_000)
      console.log(await measure(target, one, keys, one.isElsewhere === true ? bare.url : target.url))
    }
  } finally {
    agent.destroy()
    await Promise.all([target.stop(), bare.stop()])
  }
}
