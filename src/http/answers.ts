// How answers leave: headers and body in one write, past Koa's own response, which costs more than the work of a read.
import { BINARY_CONTENT_TYPE } from '../contract/route.ts'
import type { RequestContext } from './context.ts'

export type HeaderList = readonly string[]

const NO_HEADERS: HeaderList = []

/** Status with an empty body. */
export function sendEmpty(ctx: RequestContext, status = 200, headers: HeaderList = NO_HEADERS): void {
  send(ctx, status, '', headers)
}

/** `json` is one JSON document as text. */
export function sendJson(ctx: RequestContext, json: string, headers: HeaderList = NO_HEADERS): void {
  send(ctx, 200, `${json}\n`, headers.length === 0 ? JSON_HEADERS : [...JSON_HEADERS, ...headers])
}

export function sendText(
  ctx: RequestContext,
  status: number,
  text: string,
  contentType = 'text/plain; charset=utf-8',
): void {
  send(ctx, status, text, ['Content-Type', contentType, ...NOSNIFF])
}

/** A page of ours, which holds all that it needs. `policy`: its Content-Security-Policy. */
export function sendPage(ctx: RequestContext, html: string, policy: string): void {
  send(ctx, 200, html, [
    'Content-Type',
    'text/html; charset=utf-8',
    'Content-Security-Policy',
    policy,
    'Referrer-Policy',
    'no-referrer',
    'Cache-Control',
    'no-store',
    ...NOSNIFF,
  ])
}

/** An error: JSON as well, with headers of its own. */
export function sendErrorJson(ctx: RequestContext, status: number, json: string, headers: HeaderList): void {
  send(ctx, status, `${json}\n`, [...JSON_HEADERS, ...NOSNIFF, ...headers])
}

const JSON_HEADERS: HeaderList = ['Content-Type', 'application/json']
const NOSNIFF: HeaderList = ['X-Content-Type-Options', 'nosniff']

/** Headers of an event stream, whose body follows piece by piece. Neither caches nor proxies may hold it back. */
export function streamHeaders(ctx: RequestContext): string[] {
  return [
    'Content-Type',
    'text/event-stream',
    'Cache-Control',
    'no-store',
    'X-Accel-Buffering',
    'no',
    ...NOSNIFF,
    ...nodeHeaders(ctx),
  ]
}

/** Headers of bytes that follow piece by piece. */
export function binaryHeaders(ctx: RequestContext): string[] {
  return ['Content-Type', BINARY_CONTENT_TYPE, 'Cache-Control', 'no-store', ...NOSNIFF, ...nodeHeaders(ctx)]
}

function nodeHeaders(ctx: RequestContext): string[] {
  const { requestId, node, trace } = ctx.state
  const headers = [
    'X-Request-Id',
    requestId,
    'X-Insi-Node',
    node.nodeId,
    'X-Insi-Term',
    String(node.term()),
    'X-Insi-Applied-Index',
    String(node.appliedIndex()),
  ]
  if (trace !== null) headers.push('Server-Timing', trace.serverTiming())
  return headers
}

function send(ctx: RequestContext, status: number, body: string, headers: HeaderList): void {
  const { read } = ctx.state
  const sizeBytes = Buffer.byteLength(body)
  const list = [...headers, 'Content-Length', String(sizeBytes), ...nodeHeaders(ctx)]
  if (read !== null) list.push('X-Insi-Read', read)
  ctx.res.writeHead(status, list)
  // Pure ASCII, the common case, is written without looking at its characters again.
  ctx.res.end(body, sizeBytes === body.length ? 'latin1' : 'utf8')
}
