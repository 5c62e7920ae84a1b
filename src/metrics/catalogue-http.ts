// The series of requests and connections.
import type { SeriesTable } from './series.ts'

/** Few bounds, because there is a histogram for each route. */
const REQUEST_BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5] as const

export const HTTP_SERIES = {
  insi_http_requests_total: {
    type: 'counter',
    unit: 'requests',
    labels: ['route', 'status'],
    help: 'Requests by route name (`none`: no such route) and status class.',
  },
  insi_http_request_duration_seconds: {
    type: 'histogram',
    unit: 'seconds',
    labels: ['route'],
    buckets: REQUEST_BUCKETS_SECONDS,
    help: 'Time from the arrival of the headers to the answer, by route name; without the routes of the ops listener.',
  },
  insi_http_requests_in_flight: {
    type: 'gauge',
    unit: 'requests',
    labels: [],
    help: 'Requests that are not answered yet.',
  },
  insi_http_connections: {
    type: 'gauge',
    unit: 'count',
    labels: ['listener'],
    help: 'Open connections by listener; `raft`: those to and from other nodes.',
  },
  insi_tls_certificate_not_after_timestamp_seconds: {
    type: 'gauge',
    unit: 'seconds',
    labels: [],
    help: 'When the certificate of the HTTP listeners ends, in seconds since the epoch. NaN without TLS.',
  },
  insi_tls_certificate_refused: {
    type: 'gauge',
    unit: 'none',
    labels: [],
    help: '1 while the certificate files cannot be used, so that the certificate before them is still served.',
  },
  insi_rate_limited_total: {
    type: 'counter',
    unit: 'requests',
    labels: ['limiter', 'class'],
    help: 'Requests refused with 429: by the limiter of their `address` or `key`, and its class of requests.',
  },
  insi_rate_token_requests_total: {
    type: 'counter',
    unit: 'requests',
    labels: ['result'],
    help: 'Questions to the leader for tokens: `answered`, `refused` by a node that does not lead, or `lost`.',
  },
} as const satisfies SeriesTable
