// Health, metrics and version: without a key, on the private listener and on the ops listener.
import { insiError } from '../../contract/errors.ts'
import type { HealthService, Readiness } from '../../services/health.ts'
import { sendJson, sendText } from '../answers.ts'
import type { RequestContext } from '../context.ts'
import type { Handlers } from '../endpoints.ts'
import { queryText } from '../fields.ts'
import { queryOf } from '../query.ts'

/** Renders every series of the node. */
export interface MetricsText {
  readonly contentType: string
  text(): Promise<string>
  /** The series of single entities. */
  entitiesText(): Promise<string>
}

const UNAVAILABLE = 503

export interface OpsDeps {
  readonly health: HealthService
  readonly metrics: MetricsText
  /** Whether the series of single entities may be seen. */
  readonly showsEntities: boolean
  readonly version: string
  readonly runtimeVersion: string
}

export function opsHandlers({ health, metrics, showsEntities, version, runtimeVersion }: OpsDeps): Handlers {
  return {
    'ops.livez': (ctx) => {
      const stall = health.fatalStall()
      if (stall === null) sendText(ctx, 200, 'ok\n')
      else sendText(ctx, UNAVAILABLE, `disk: ${stall}\nnot alive\n`)
    },
    'ops.readyz': (ctx) => {
      const readiness = health.readiness()
      const verbose = queryText(queryOf(ctx.req.url ?? ''), 'verbose') !== undefined
      sendHealth(ctx, readiness.ready, verbose ? checkLines(readiness) : firstFault(readiness))
    },
    'ops.startupz': (ctx) => {
      const started = health.started()
      sendHealth(ctx, started, started ? '' : firstFault(health.readiness()))
    },
    'ops.metrics': async (ctx) => sendText(ctx, 200, await metrics.text(), metrics.contentType),
    'ops.metricsEntities': async (ctx) => {
      if (!showsEntities) throw insiError('ROUTE_NOT_FOUND')
      sendText(ctx, 200, await metrics.entitiesText(), metrics.contentType)
    },
    'ops.version': (ctx) => sendJson(ctx, JSON.stringify({ name: 'insi', version, node: runtimeVersion })),
  }
}

function sendHealth(ctx: RequestContext, ok: boolean, lines: string): void {
  sendText(ctx, ok ? 200 : UNAVAILABLE, `${lines}${ok ? 'ok' : 'not ready'}\n`)
}

function checkLines({ checks }: Readiness): string {
  return checks.map(({ name, ok, reason }) => `[${ok ? '+' : '-'}] ${name}${ok ? '' : `: ${reason}`}\n`).join('')
}

function firstFault({ checks }: Readiness): string {
  const fault = checks.find((check) => !check.ok)
  return fault === undefined ? '' : `${fault.name}: ${fault.reason}\n`
}
