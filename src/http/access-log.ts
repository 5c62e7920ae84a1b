// The access log: one line a request, as long as there are few. Of more, only so many a second are written, and the next line
// says how many were not: at tens of thousands a second the log would cost more than the work.
import type { Log, LogLevelControl } from '../base/log.ts'
import {
  ACCESS_LINES_PER_SECOND_MAX,
  DEBUG_ACCESS_LINES_PER_SECOND_MAX,
  FAILURE_LINES_PER_SECOND_MAX,
} from '../contract/limits.ts'
import type { RequestContext } from './context.ts'
import { pathOf } from './query.ts'

const SERVER_ERROR = 500
const WINDOW_MS = 1_000

/** Lines of one kind that may be written in one second. */
class LineBudget {
  readonly #linesMax: number
  #window = -1
  #left = 0
  #skippedCount = 0

  constructor(linesMax: number) {
    this.#linesMax = linesMax
  }

  /** How many lines were left out since the last one, when one may be written now; else null. */
  take(nowMs: number): number | null {
    const window = Math.floor(nowMs / WINDOW_MS)
    if (window !== this.#window) {
      this.#window = window
      this.#left = this.#linesMax
    }
    if (this.#left === 0) {
      this.#skippedCount += 1
      return null
    }
    this.#left -= 1
    const skippedCount = this.#skippedCount
    this.#skippedCount = 0
    return skippedCount
  }
}

export class AccessLog {
  readonly #log: Log
  readonly #control: LogLevelControl
  readonly #failures = new LineBudget(FAILURE_LINES_PER_SECOND_MAX)
  readonly #ordinary = new LineBudget(ACCESS_LINES_PER_SECOND_MAX)
  readonly #detailed = new LineBudget(DEBUG_ACCESS_LINES_PER_SECOND_MAX)

  constructor(log: Log, control: LogLevelControl) {
    this.#log = log
    this.#control = control
  }

  /** The request was answered at `nowMs`. Probes and scrapes are shown at debug only. */
  note(ctx: RequestContext, durationMs: number, nowMs: number): void {
    const { level } = this.#control
    if (ctx.res.statusCode >= SERVER_ERROR) {
      this.#write('warn', 'request failed', this.#failures, ctx, durationMs, nowMs)
    } else if (level === 'debug') {
      this.#write('debug', 'request', this.#detailed, ctx, durationMs, nowMs)
    } else if (level === 'info' && ctx.state.endpoint?.route.listener !== 'ops') {
      this.#write('info', 'request', this.#ordinary, ctx, durationMs, nowMs)
    }
  }

  #write(
    level: 'debug' | 'info' | 'warn',
    message: string,
    budget: LineBudget,
    ctx: RequestContext,
    durationMs: number,
    nowMs: number,
  ): void {
    const skipped = budget.take(nowMs)
    if (skipped === null) return
    this.#log[level](skipped === 0 ? fieldsOf(ctx, durationMs) : { ...fieldsOf(ctx, durationMs), skipped }, message)
  }
}

/** Never the query, the body or the token: they hold the caller's data. */
function fieldsOf(ctx: RequestContext, durationMs: number) {
  const { caller, requestId } = ctx.state
  return {
    requestId,
    method: ctx.req.method,
    path: pathOf(ctx.req.url ?? ''),
    status: ctx.res.statusCode,
    durationMs: Math.round(durationMs * 1000) / 1000,
    client: ctx.req.socket.remoteAddress,
    entity: caller === null ? undefined : caller.kind === 'root' ? 'root' : caller.keyUuid,
  }
}
