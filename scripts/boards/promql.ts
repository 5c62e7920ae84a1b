// The words in which boards ask for series.

/** Nodes of the cluster, and the one or more of them that a board is about. */
const CLUSTER = 'namespace="$namespace",pod=~"$cluster-[0-9]+"'
const NODES = 'namespace="$namespace",pod=~"$pod"'
const RECONCILERS = 'namespace="$namespace",pod=~"$cluster-reconciler-.*"'

/** Requests of users that are answered at once: no probes, no scrapes, no streams, no administration of members. */
export const ANSWERED_AT_ONCE = 'route!~"ops[.].*|event[.]subscribe|.*watch|cluster[.].*|join"'
export const OF_USERS = 'route!~"ops[.].*"'

const selector =
  (matchers: string) =>
  (series: string, more = ''): string =>
    `${series}{${matchers}${more === '' ? '' : `,${more}`}}`

/** A series of every node of the cluster. */
export const cluster = selector(CLUSTER)
/** A series of the chosen nodes. */
export const nodes = selector(NODES)
export const reconcilers = selector(RECONCILERS)

export const rate = (selected: string): string => `rate(${selected}[$__rate_interval])`
export const increase = (selected: string): string => `increase(${selected}[$__rate_interval])`

/** `buckets`: selected buckets of a histogram. `by`: labels that stay, besides `le`. */
export const quantile = (part: number, buckets: string, by = ''): string =>
  `histogram_quantile(${part}, sum by (${by === '' ? 'le' : `${by}, le`}) (${rate(buckets)}))`

/** A part of a whole that may be nothing at all. */
export const ratio = (part: string, whole: string): string => `(${part}) / (${whole} > 0)`
