// Client options from environment variables, which the caller passes in.
import { requireArgument } from './errors.ts'
import type { ClientOptions } from './options.ts'

/**
 * Reads INSI_ENDPOINTS_LIST (URLs joined by commas, each for both listeners), INSI_API_KEY and INSI_SKIP_VERIFY (`true` accepts
 * any certificate): `new InsiClient(optionsFromEnvironment(process.env))`. INVALID_ARGUMENT when one of the first two is missing.
 */
export function optionsFromEnvironment(environment: Readonly<Record<string, string | undefined>>): ClientOptions {
  const urls = (environment.INSI_ENDPOINTS_LIST ?? '').split(',').flatMap((text) => text.trim() || [])
  requireArgument(urls.length > 0, 'INSI_ENDPOINTS_LIST is not set')
  const apiKey = environment.INSI_API_KEY ?? ''
  requireArgument(apiKey !== '', 'INSI_API_KEY is not set')
  return {
    endpoints: urls.map((publicUrl) => ({ publicUrl })),
    apiKey,
    skipVerify: environment.INSI_SKIP_VERIFY === 'true',
  }
}
