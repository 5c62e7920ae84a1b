// Server-sent events: the answer to a subscriber that has no WebSocket. One message an event; comments keep it alive; a last
// message of the type `close` says why the server ends it.
import type { ServerResponse } from 'node:http'
import type { Clock } from '../base/clock.ts'
import {
  SOCKET_CLOSE_TIMEOUT_MS,
  SOCKET_SILENCE_MAX_MS,
  STREAM_HEARTBEAT_MS,
  STREAM_RETRY_MS,
} from '../contract/limits.ts'
import { STREAM_ENDS } from '../contract/stream-ends.ts'
import type { StreamEnd } from '../contract/stream-ends.ts'
import type { EventFrame } from '../services/events/frame.ts'
import type { EventSink } from '../services/events/subscriber.ts'
import { streamHeaders } from './answers.ts'
import type { RequestContext } from './context.ts'
import { SINCE_HEADER } from './event-handshake.ts'
import type { AttachSink } from './event-sockets.ts'

const OK = 200
const CLIENT_LEFT: StreamEnd = { code: 1000, reason: '' }
const HEARTBEAT = ': \n\n'

/**
 * Answers with an event stream; false when the client went away before. `beginsAfter`: of events, told in the answer, and in the
 * stream itself for browsers, which then come back with it though they have received nothing.
 */
export function acceptStream(ctx: RequestContext, clock: Clock, attach: AttachSink, beginsAfter?: number): boolean {
  const { res } = ctx
  if (res.destroyed || res.socket === null || res.socket.destroyed) return false
  const headers = beginsAfter === undefined ? [] : [SINCE_HEADER, String(beginsAfter)]
  res.writeHead(OK, [...streamHeaders(ctx), ...headers])
  res.write(`retry: ${STREAM_RETRY_MS}\n${beginsAfter === undefined ? '' : `id: ${beginsAfter}\n`}\n`)
  const sink = new StreamSink(res, clock)
  const subscriber = attach(sink)
  let writtenMs = clock.monotonicMs()
  const heartbeat = clock.every(
    STREAM_HEARTBEAT_MS,
    () => {
      if (res.writableLength === 0) writtenMs = clock.monotonicMs()
      // Nothing else tells that a client has stopped reading.
      if (clock.monotonicMs() - writtenMs >= SOCKET_SILENCE_MAX_MS) subscriber?.close(STREAM_ENDS.silent)
      else if (!sink.isClosed) res.write(HEARTBEAT)
    },
    { unref: true },
  )
  res.on('close', () => {
    heartbeat.cancel()
    subscriber?.close(CLIENT_LEFT)
  })
  return true
}

class StreamSink implements EventSink {
  isClosed = false
  readonly #response: ServerResponse
  readonly #clock: Clock

  constructor(response: ServerResponse, clock: Clock) {
    this.#response = response
    this.#clock = clock
  }

  send(frame: EventFrame, onSent: () => void): void {
    if (this.isClosed) return
    this.#response.write(frame.stream, (error) => {
      if (error === undefined || error === null) onSent()
    })
  }

  close({ code, reason }: StreamEnd): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#response.end(`event: close\ndata: ${JSON.stringify({ code, reason })}\n\n`)
    // One that does not read would keep the connection for ever.
    const cut = this.#clock.after(SOCKET_CLOSE_TIMEOUT_MS, () => this.#response.destroy(), { unref: true })
    this.#response.once('close', () => cut.cancel())
  }
}
