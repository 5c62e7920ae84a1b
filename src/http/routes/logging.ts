// The routes by which root sees and changes how much a node logs.
import { LOG_LEVELS } from '../../base/log.ts'
import type { Log, LogLevel, LogLevelControl } from '../../base/log.ts'
import { insiError } from '../../contract/errors.ts'
import { sendJson } from '../answers.ts'
import type { RequestContext } from '../context.ts'
import type { Handlers } from '../endpoints.ts'
import { bodyFields, invalidField } from '../fields.ts'
import type { Fields } from '../fields.ts'
import { REQUEST_WORDS } from './words.ts'

export interface LoggingDeps {
  readonly log: Log
  readonly control: LogLevelControl
}

export function loggingHandlers({ log, control }: LoggingDeps): Handlers {
  const answer = (ctx: RequestContext): void => {
    sendJson(ctx, JSON.stringify({ node_id: ctx.state.node.nodeId, level: control.level }))
  }
  return {
    'admin.log.get': answer,
    'admin.log.set': (ctx) => {
      const level = levelField(bodyFields(ctx, REQUEST_WORDS), 'level')
      const before = control.level
      control.setLevel(level)
      log.warn({ requestId: ctx.state.requestId, from: before, to: level }, 'log level changed')
      answer(ctx)
    },
  }
}

function levelField(fields: Fields, name: string): LogLevel {
  const value = fields.get(name)
  if (value === undefined || value === '') throw insiError('MISSING_FIELD', fields.words.missing(name))
  const level = LOG_LEVELS.find((one) => one === value)
  if (level === undefined) throw invalidField(fields, name, `must be one of ${LOG_LEVELS.join(', ')}`)
  return level
}
