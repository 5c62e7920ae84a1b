// How the reconciler reaches nodes: with the root key, one attempt a request, for it comes again at the next pass.
import { HttpClient } from '../client/http.ts'
import type { EndpointOptions } from '../client/options.ts'

export interface NodeCredentials {
  readonly apiKey: string
  readonly skipVerify: boolean
  /** PEM; undefined: those of the system. */
  readonly ca: readonly string[] | undefined
}

export function nodeClient(
  { apiKey, ca, skipVerify }: NodeCredentials,
  endpoints: readonly EndpointOptions[],
  connectTimeoutMs: number,
): HttpClient {
  return new HttpClient({
    endpoints,
    apiKey,
    skipVerify,
    followRedirects: false,
    connectTimeoutMs,
    retry: { roundsMax: 1 },
    ...(ca === undefined ? {} : { ca }),
  })
}
