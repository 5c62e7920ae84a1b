// What the rate limiters report. They declare the port that this fits; neither imports the other.
import { ROUTES } from '../contract/routes.ts'
import type { MetricsRegistry } from './registry.ts'

export type RateReports = ReturnType<typeof rateReports>

/** Each method is synchronous, cheap, and never throws. */
export function rateReports(series: MetricsRegistry) {
  const limited = series.counter('insi_rate_limited_total')
  const tokenRequests = series.counter('insi_rate_token_requests_total')
  for (const { addressLimiter, keyLimiter } of ROUTES) {
    if (addressLimiter !== 'none') limited.inc({ limiter: 'address', class: addressLimiter }, 0)
    if (keyLimiter !== 'none') limited.inc({ limiter: 'key', class: keyLimiter }, 0)
  }
  for (const result of ['answered', 'refused', 'lost']) tokenRequests.inc({ result }, 0)
  return {
    onLimited(limiter: 'address' | 'key', rateClass: string): void {
      limited.inc({ limiter, class: rateClass })
    },
    onTokenRequest(result: string): void {
      tokenRequests.inc({ result })
    },
  }
}
