// What a request must say to become a WebSocket or an event stream, and where else than in Authorization its key may be.
import type { IncomingMessage } from 'node:http'
import { insiError } from '../contract/errors.ts'
import { ROUTES } from '../contract/routes.ts'
import { pathOf, queryOf, queryValue } from './query.ts'

/** The subprotocol of event frames, and the form in which a browser hands over its key beside it. */
const EVENT_PROTOCOL = 'insi.v1'
const BEARER_PROTOCOL = 'insi.bearer.'

/** In the answer that begins a stream of events: the id after which it begins. */
export const SINCE_HEADER = 'X-Insi-Since'

const STREAM_PATHS = new Set(ROUTES.filter((route) => route.stream === true).map((route) => route.path))
const PROTOCOL_VERSION = '13'
const SOCKET_KEY = /^[+/0-9A-Za-z]{22}==$/
/** RFC 9110 §5.6.2. */
const PROTOCOL_TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const EVENT_STREAM = 'text/event-stream'
const BASE64_QUANTUM = 4

/** True for a request that asks to become a WebSocket; all others are ordinary requests, whatever they would upgrade to. */
export function isSocketRequest(request: IncomingMessage): boolean {
  const { headers, method } = request
  return (
    method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket' && STREAM_PATHS.has(pathOf(request.url ?? ''))
  )
}

export function wantsEventStream({ headers }: IncomingMessage): boolean {
  return headers.accept?.toLowerCase().includes(EVENT_STREAM) === true
}

/** Throws UPGRADE_REQUIRED or INVALID_PARAMETER for a handshake that RFC 6455 §4.2.1 forbids. */
export function checkHandshake(request: IncomingMessage): void {
  const { headers } = request
  const isProper =
    headers['sec-websocket-version'] === PROTOCOL_VERSION && SOCKET_KEY.test(headers['sec-websocket-key'] ?? '')
  if (!isProper) throw upgradeRequired()
  const protocols = protocolsOf(request)
  if (protocols.some((protocol) => !PROTOCOL_TOKEN.test(protocol)) || new Set(protocols).size < protocols.length) {
    throw insiError('INVALID_PARAMETER', 'Invalid Sec-WebSocket-Protocol header')
  }
}

export function upgradeRequired(): Error {
  return insiError('UPGRADE_REQUIRED', undefined, { version: PROTOCOL_VERSION })
}

/** Browsers say which page asks; everything else sends no origin and is not held to the list. */
export function checkOrigin({ headers }: IncomingMessage, allowed: readonly string[]): void {
  const { origin } = headers
  if (origin === undefined || allowed.length === 0 || allowed.includes(origin.toLowerCase())) return
  throw insiError('ORIGIN_NOT_ALLOWED')
}

/** The key of a stream's request: `insi.bearer.<token>` among its subprotocols, or `token` in its query. */
export function streamToken(request: IncomingMessage): string | undefined {
  const protocol = protocolsOf(request).find((one) => one.startsWith(BEARER_PROTOCOL))
  if (protocol !== undefined) return padded(protocol.slice(BEARER_PROTOCOL.length))
  try {
    return queryValue(queryOf(request.url ?? ''), 'token')
  } catch {
    throw insiError('AUTHENTICATION_FAILED')
  }
}

/** What the server chooses of the offered subprotocols; a key is never echoed. */
export function chosenProtocol(offered: ReadonlySet<string>): string | false {
  return offered.has(EVENT_PROTOCOL) ? EVENT_PROTOCOL : false
}

function protocolsOf({ headers }: IncomingMessage): string[] {
  const header = headers['sec-websocket-protocol']
  return header === undefined ? [] : header.split(',').map((protocol) => protocol.trim())
}

/** The root key ends in `=`, which a subprotocol cannot hold; without it the length says how many there were. */
function padded(token: string): string {
  return token.startsWith('insi_')
    ? token
    : token.padEnd(Math.ceil(token.length / BASE64_QUANTUM) * BASE64_QUANTUM, '=')
}
