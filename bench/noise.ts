// A tenant that misbehaves, as a process of its own: `node bench/noise.ts KIND URL KEY COUNT`. Prints how it was answered, as
// one line of JSON.
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'

const AT_ONCE = 50
const SUBSCRIBE = '/db/api/v1/events/subscribe'
const OVERSIZED = 'x'.repeat(513)
const GARBAGE = Buffer.alloc(1_000, 0xff)
const EVENT_DATA = 'x'.repeat(16 * 1024)
const UNREAD_SUBSCRIBERS = 200

const [kind = '', url = '', key = '', countText = '0'] = process.argv.slice(2)
const count = Number(countText)
const { hostname, port, host } = new URL(url)
const answers: Record<string, number> = {}

function tell(answer: string | number): void {
  answers[answer] = (answers[answer] ?? 0) + 1
}

/** One WebSocket; `then` says what to do with it when it is open. Resolves when it has ended. */
function socket(query: string, then: (open: WebSocket) => void): Promise<void> {
  return new Promise((resolve) => {
    const opened = new WebSocket(`ws://${host}${SUBSCRIBE}${query}`, { headers: { authorization: key } })
    opened.once('open', () => then(opened))
    opened.once('unexpected-response', (_request, response) => {
      tell(response.statusCode ?? 0)
      response.resume()
      response.once('close', () => opened.terminate())
    })
    opened.on('error', () => {})
    opened.once('close', (code) => {
      if (code !== 1006) tell(code)
      resolve()
    })
  })
}

/** One event stream, which is left at once. */
function stream(): Promise<void> {
  return new Promise((resolve) => {
    const headers = { authorization: key, accept: 'text/event-stream' }
    const sent = request(`${url}${SUBSCRIBE}?topic=t`, { headers, agent: false }, (response) => {
      tell(response.statusCode ?? 0)
      sent.destroy()
    })
    sent.on('error', () => {})
    sent.once('close', () => resolve())
    sent.end()
  })
}

/** A connection that begins a handshake and does not finish it. */
async function halfHandshake(): Promise<Socket> {
  const opened = connect(Number(port), hostname)
  opened.on('error', () => tell('reset'))
  await once(opened, 'connect').catch(() => undefined)
  opened.write(`GET ${SUBSCRIBE}?topic=t HTTP/1.1\r\nHost: ${host}\r\nUpgrade: webso`)
  return opened
}

async function repeat(one: () => Promise<unknown>): Promise<void> {
  let left = count
  const worker = async (): Promise<void> => {
    while (left-- > 0) await one()
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

/** Subscribers that stop reading, and a publisher that sends as fast as it may. */
async function unread(): Promise<void> {
  const ended = Promise.all(
    Array.from({ length: UNREAD_SUBSCRIBERS }, () => socket('?topic=t', (open) => open.pause())),
  )
  await repeat(
    () =>
      new Promise<void>((resolve) => {
        const body = JSON.stringify({ topic: 't', data: EVENT_DATA })
        const headers = { authorization: key, 'content-length': body.length }
        const sent = request(`${url}/db/api/v1/events`, { method: 'POST', headers }, (response) => {
          tell(`publish ${response.statusCode}`)
          response.resume()
          response.once('close', () => resolve())
        })
        sent.on('error', () => resolve())
        sent.end(body)
      }),
  )
  void ended
}

const KINDS: Readonly<Record<string, () => Promise<void>>> = {
  'web-sockets': () => repeat(() => socket('?topic=t', (open) => open.close(1000))),
  'event-streams': () => repeat(stream),
  oversized: () => repeat(() => socket('?topic=t', (open) => open.send(OVERSIZED))),
  garbage: () =>
    repeat(() =>
      socket('?topic=t', (open) => (open as unknown as { readonly _socket: Socket })._socket.write(GARBAGE)),
    ),
  'half-open': async () => {
    await repeat(halfHandshake)
    await new Promise((resolve) => setTimeout(resolve, 5_000))
  },
  unread,
}

await KINDS[kind]?.()
process.stdout.write(`${JSON.stringify(answers)}\n`, () => process.exit())
