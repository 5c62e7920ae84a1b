// Reads the body of a request that has fields, within its limit, after the caller is known: nobody else can make the node
// hold megabytes.
import { insiError } from '../../contract/errors.ts'
import { BODY_DISCARD_BYTES_MAX } from '../../contract/limits.ts'
import type { Middleware, RequestContext } from '../context.ts'

/** The client went away before its request was complete: there is nobody to answer. */
export class RequestAborted extends Error {
  override readonly name = 'RequestAborted'
}

/** JSON is accepted under these types, since curl, fetch and forms send them without being asked; others are refused. */
const JSON_TYPES =
  /^(application\/(json|octet-stream|x-www-form-urlencoded|[\w.+-]+\+json)|text\/(plain|json))\s*(;|$)/i

export function readBody(): Middleware {
  return (ctx, next) => {
    const bytesMax = ctx.state.endpoint?.bodyBytesMax ?? 0
    if ((ctx.req.method !== 'POST' && ctx.req.method !== 'PUT') || bytesMax === 0) return next()
    ctx.state.trace?.enter('body')
    return collectThen(ctx, bytesMax, next)
  }
}

async function collectThen(ctx: RequestContext, bytesMax: number, next: () => Promise<void>): Promise<void> {
  const { headers } = ctx.req
  const contentType = headers['content-type']
  if (contentType !== undefined && contentType !== 'application/json' && !JSON_TYPES.test(contentType)) {
    throw insiError('UNSUPPORTED_MEDIA_TYPE', `Unsupported content type: ${contentType.slice(0, 100)}`)
  }
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding.toLowerCase() !== 'identity') {
    throw insiError('UNSUPPORTED_MEDIA_TYPE', `Unsupported content encoding: ${encoding.slice(0, 100)}`)
  }
  ctx.state.body = await collect(ctx, bytesMax)
  await next()
}

function collect(ctx: RequestContext, bytesMax: number): Promise<Buffer> {
  const { req } = ctx
  return new Promise((resolve, reject) => {
    const declaredBytes = Number(req.headers['content-length'] ?? 0)
    const chunks: Buffer[] = []
    let sizeBytes = 0
    let done = false
    const fail = (error: Error): void => {
      done = true
      req.off('data', onData)
      reject(error)
    }
    const onData = (chunk: Buffer): void => {
      sizeBytes += chunk.length
      if (sizeBytes <= bytesMax) chunks.push(chunk)
      // Reading on for a while lets a client that sends first and listens later see the answer.
      else if (sizeBytes > bytesMax + BODY_DISCARD_BYTES_MAX) giveUp(ctx, bytesMax, fail)
      else chunks.length = 0
    }
    const onEnd = (): void => {
      if (done) return
      done = true
      if (sizeBytes > bytesMax) reject(bodyTooLarge(bytesMax))
      else resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, sizeBytes))
    }
    const onClose = (): void => {
      if (!done) fail(new RequestAborted())
    }
    if (declaredBytes > bytesMax + BODY_DISCARD_BYTES_MAX) {
      giveUp(ctx, bytesMax, reject)
      return
    }
    req.on('data', onData).on('end', onEnd).on('close', onClose)
  })
}

/** Answers at once and closes the connection: the rest of the body is not worth reading. */
function giveUp(ctx: RequestContext, bytesMax: number, fail: (error: Error) => void): void {
  ctx.res.setHeader('Connection', 'close')
  fail(bodyTooLarge(bytesMax))
}

function bodyTooLarge(bytesMax: number): Error {
  return insiError('BODY_TOO_LARGE', `The request body is too large, the limit is ${bytesMax} bytes`)
}
