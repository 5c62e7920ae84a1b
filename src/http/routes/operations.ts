// The route of the operation rates.
import type { OperationRates, OperationsService } from '../../services/operations.ts'
import { sendJson } from '../answers.ts'
import type { Handlers } from '../endpoints.ts'

export function operationHandlers(operations: OperationsService): Handlers {
  return {
    'admin.metrics.ops': async (ctx) => {
      sendJson(ctx, JSON.stringify(operationMembers(await operations.rates())))
    },
  }
}

export function operationMembers(rates: OperationRates) {
  return {
    op_vs: rates.values,
    op_cache: rates.cache,
    op_events: rates.events,
    op_subscribers: rates.subscribers,
    op_blobs: rates.blobs,
    op_system: rates.system,
  }
}
