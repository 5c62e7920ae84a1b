// The process of insic: what only a process can show, which is its start, its streams and its signals.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import path from 'node:path'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'
import { eventually } from '../../support/eventually.ts'
import { ScriptedServer, json } from '../client/scripted-server.ts'

const INSIC = path.resolve(import.meta.dirname, '../../../src/bin/insic.ts')
const TIMEOUT_MS = 30_000

let server: ScriptedServer
let sockets: WebSocketServer
let latest: WebSocket | undefined
let closedWith: number | undefined

beforeAll(async () => {
  server = await ScriptedServer.start()
  sockets = new WebSocketServer({ server: server.server })
  sockets.on('connection', (socket) => {
    latest = socket
    socket.on('close', (code) => (closedWith = code))
  })
})
afterAll(async () => {
  sockets.close()
  await server.stop()
})
beforeEach(() => {
  latest = undefined
  closedWith = undefined
})

interface Started {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  stdout: string
  stderr: string
}

function start(words: readonly string[], environment: Readonly<Record<string, string>> = {}): Started {
  const child = spawn(process.execPath, [INSIC, ...words], {
    env: { PATH: process.env['PATH'], INSI_PUBLIC_ADDRESS: server.address, INSI_API_KEY: 'insi_key', ...environment },
  })
  const started: Started = {
    child,
    stdout: '',
    stderr: '',
    ended: new Promise((resolve) => child.once('close', (code) => resolve(code))),
  }
  child.stdout.on('data', (chunk: Buffer) => (started.stdout += String(chunk)))
  child.stderr.on('data', (chunk: Buffer) => (started.stderr += String(chunk)))
  return started
}

async function subscribed(...flags: readonly string[]): Promise<Started & { socket: WebSocket }> {
  const started = start([...flags, 'subscribe', 'orders'])
  const socket = await eventually('the subscription', () => latest, { timeoutMs: TIMEOUT_MS })
  return Object.assign(started, { socket })
}

function frame(data: unknown): string {
  return JSON.stringify({ topic: 'scope:orders', data, emitted_at: '2026-11-22T19:11:15.601Z' })
}

test('a command prints its result and nothing on stderr, not even a warning of the runtime', async () => {
  const value = 'x'.repeat(1024 * 1024)
  server.script = () => json({ data: value })
  const started = start(['get', 'k'])
  expect(await started.ended).toBe(0)
  expect(started.stdout === `${value}\n`).toBe(true)
  expect(started.stderr).toBe('')
})

test('a failure ends with its exit code', async () => {
  expect(await start(['frobnicate']).ended).toBe(1)
  expect(await start(['--frobnicate']).ended).toBe(2)
})

test('a reader that closes the pipe early is no error', async () => {
  server.script = () => json({ data: Array.from({ length: 10_000 }, (_, at) => `key-${at}`.padEnd(200, 'x')) })
  const started = start(['iterate', 'prefix', '*'])
  started.child.stdout?.once('data', () => started.child.stdout?.destroy())
  expect(await started.ended).toBe(0)
  expect(started.stderr).toBe('')
})

test('a result is not coloured when stdout is no terminal', async () => {
  server.script = () => ({ status: 200, text: '' })
  const started = start(['set', 'k', 'v'], { TERM: 'xterm-256color' })
  await started.ended
  expect(started.stdout).toBe('OK\n')
})

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s ends a subscription with a close of 1000 and exit code 0',
  async (signal) => {
    const started = await subscribed()
    started.socket.send(frame({ n: 1 }))
    const printed = "Successfully connected to event stream.\nReceived event on topic 'orders': Data=map[n:1]\n"
    await eventually('the event is printed', () => (started.stdout === printed ? true : undefined))
    started.child.kill(signal)
    expect(await started.ended).toBe(0)
    expect(closedWith).toBe(1000)
    expect(started.stderr).toMatch(/ level=INFO msg="Subscription cancelled gracefully\."\n$/)
  },
)

test('a subscription that the server ends exits 0, also when the process was stopped meanwhile', async () => {
  const started = await subscribed()
  started.child.kill('SIGSTOP')
  started.socket.send(frame('last'))
  started.socket.terminate()
  started.child.kill('SIGCONT')
  expect(await started.ended).toBe(0)
})

test.each(['SIGTERM', 'SIGINT'] as const)('%s ends a watch with a close of 1000 and exit code 0', async (signal) => {
  const started = start(['watch', 'user:'])
  const socket = await eventually('the watch', () => latest, { timeoutMs: TIMEOUT_MS })
  socket.send('{"revision":7,"changes":[]}')
  socket.send('{"revision":9,"changes":[{"key":"user:1","value":"Alice","expires_at":null}]}')
  await eventually('the change is printed', () => (started.stdout === '9\tset\tuser:1\tAlice\n' ? true : undefined))
  started.child.kill(signal)
  expect(await started.ended).toBe(0)
  expect(closedWith).toBe(1000)
  expect(started.stderr).toMatch(/msg="The watch was ended; go on with --since" since=9\n$/)
})

test('operations are read from stdin to its end', async () => {
  server.requests.length = 0
  server.script = () => json({ results: [{ ok: true, revision: 1 }] })
  const started = start(['batch'])
  started.child.stdin?.write('[{"op":"delete",')
  started.child.stdin?.end('"key":"k"}]')
  expect(await started.ended).toBe(0)
  expect(started.stdout).toBe('OK  delete k\n')
  expect(server.requests[0]?.body).toEqual({ operations: [{ op: 'delete', key: 'k' }] })
})

test('events are printed for people and for programs', async () => {
  const people = await subscribed()
  people.socket.send(frame([1000000, null, 'a b']))
  people.socket.close(1001, 'purged')
  expect(await people.ended).toBe(0)
  expect(people.stdout).toContain("Received event on topic 'orders': Data=[1e+06 <nil> a b]\n")
  expect(people.stderr).toContain('msg="Subscription process finished." code=1001 reason=purged\n')
  latest = undefined
  const programs = await subscribed('-o', 'json')
  programs.socket.send(frame({ n: 1 }))
  programs.socket.close(1000)
  expect(await programs.ended).toBe(0)
  expect(JSON.parse(programs.stdout)).toEqual({
    topic: 'orders',
    data: { n: 1 },
    emitted_at: '2026-11-22T19:11:15.601Z',
  })
})
