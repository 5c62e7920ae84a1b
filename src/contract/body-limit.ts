// How large the JSON body of a route may be: what its fields need, and no more.
import { OPERATIONS_BODY_BYTES_MAX, TOPOLOGY_BYTES_MAX, bodyBytesMax } from './limits.ts'
import type { Route } from './route.ts'

/** In bytes; 0 when the route takes no body. */
export function routeBodyBytesMax({ fields, stream }: Route, valueBytesMax: number): number {
  if (fields.length === 0 || stream === true) return 0
  if (fields.some(({ type }) => type === 'file')) return bodyBytesMax(1, TOPOLOGY_BYTES_MAX)
  const valueCount = fields.filter(({ type }) => type === 'value' || type === 'json').length
  if (!fields.some(({ type }) => type === 'operations')) return bodyBytesMax(valueCount, valueBytesMax)
  return Math.max(OPERATIONS_BODY_BYTES_MAX, bodyBytesMax(1, valueBytesMax))
}
