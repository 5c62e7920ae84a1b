// Refuses a key that asks more often than its entity may, on whatever nodes.
import type { RateLimiter } from '../../services/rates/limiter.ts'
import type { Middleware } from '../context.ts'
import { rateLimited } from '../rate-answer.ts'

export function limitKey({ rates }: { readonly rates: RateLimiter }): Middleware {
  return (ctx, next) => {
    const { caller, endpoint } = ctx.state
    const rateClass = endpoint?.route.keyLimiter ?? 'none'
    if (caller === null || rateClass === 'none') return next()
    ctx.state.trace?.enter('limiter')
    const verdict = rates.admit(caller.entityId, rateClass)
    if (verdict === null) return next()
    if (!(verdict instanceof Promise)) throw rateLimited(verdict)
    return verdict.then((denial) => {
      if (denial !== null) throw rateLimited(denial)
      return next()
    })
  }
}
