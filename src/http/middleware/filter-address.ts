// Refuses clients whose address is not permitted, before anything about them is looked at.
import { insiError } from '../../contract/errors.ts'
import { clientAddress, NetworkList } from '../addresses.ts'
import type { Middleware } from '../context.ts'

export interface AddressFilterOptions {
  /** Addresses and CIDRs; empty permits everyone. */
  readonly permitted: readonly string[]
  readonly trustedProxies: readonly string[]
  /** `*` in the list counts on the public listener only: administration is never open to everyone by a wildcard. */
  readonly wildcard: boolean
}

export function filterAddress(options: AddressFilterOptions): Middleware {
  const permitted = new NetworkList(options.permitted)
  const trustedProxies = new NetworkList(options.trustedProxies)
  if (permitted.isEmpty || (options.wildcard && permitted.includesEveryone)) return (_ctx, next) => next()
  return (ctx, next) => {
    const forwardedFor = ctx.req.headers['x-forwarded-for']
    const peer = ctx.req.socket.remoteAddress ?? ''
    const address = clientAddress(
      peer,
      Array.isArray(forwardedFor) ? forwardedFor.join(',') : forwardedFor,
      trustedProxies,
    )
    if (!permitted.has(address)) throw insiError('ADDRESS_NOT_PERMITTED')
    return next()
  }
}
