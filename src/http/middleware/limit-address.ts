// Refuses a client address that asks too often, before its key is looked at. The root key is never refused.
import { NetworkList } from '../addresses.ts'
import type { KeyService } from '../../services/keys.ts'
import type { AddressLimiter } from '../../services/rates/addresses.ts'
import type { Middleware } from '../context.ts'
import { rateLimited } from '../rate-answer.ts'
import { presentedToken } from './authenticate.ts'
import { clientAddressOf } from './filter-address.ts'

export interface AddressLimitDeps {
  readonly keys: KeyService
  readonly addresses: AddressLimiter
}

export function limitAddress({ keys, addresses }: AddressLimitDeps, proxies: readonly string[]): Middleware {
  if (addresses.isOff) return (_ctx, next) => next()
  const trustedProxies = new NetworkList(proxies)
  return (ctx, next) => {
    const category = ctx.state.endpoint?.route.addressLimiter ?? 'none'
    if (category === 'none' || !addresses.limits(category)) return next()
    ctx.state.trace?.enter('limiter')
    const token = presentedToken(ctx)
    if (token !== undefined && keys.isRootKey(token)) return next()
    const denial = addresses.admit(clientAddressOf(ctx, trustedProxies), category)
    if (denial !== null) throw rateLimited(denial)
    return next()
  }
}
