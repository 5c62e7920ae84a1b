// Named bounds of rate limiting.

/** Buckets, and pools of tokens, that one node keeps. */
export const RATE_ENTRIES_MAX = 20_000

/** How long tokens that the leader granted in advance may be used; unused ones are lost. */
export const PREFETCH_MS = 250

/** A node asks in advance for about as many tokens as it needed in so many ms. */
export const DEMAND_WINDOW_MS = 50

/** How long a request waits for the leader's grant before this node decides alone. */
export const GRANT_WAIT_MS = 100

/** How often a node that decides alone asks the leader again. */
export const LEADER_PROBE_INTERVAL_MS = 100

/**
 * How much later than itself the buckets of a new leader begin to fill: until then other nodes may still decide alone.
 * At least twice the interval above.
 */
export const NEW_LEADER_PAUSE_MS = 200

/**
 * How long after a change of leader its empty buckets are the likely reason for a lack of tokens, and how long a request waits for
 * one then instead of being refused: whoever keeps to the limit does not see the change as a refusal.
 */
export const NEW_LEADER_PATIENCE_MS = 1_000 + NEW_LEADER_PAUSE_MS
export const NEW_LEADER_WAIT_MS_MAX = 500

/** Entries of one request for tokens. */
export const TOKEN_ENTRIES_MAX = 512

/** Requests of one node that wait for the leader's answer, and that wait for a new leader's tokens; more are refused. */
export const TOKEN_WAITERS_MAX = 10_000

/** What a key with a limit of 0 is told to wait: nothing but a change of the limit helps. */
export const NO_RATE_RETRY_MS = 60_000

/** First request ids of a run are random, so that an answer to an earlier run is not taken for one to a new question. */
export const FIRST_REQUEST_ID_MAX = 2 ** 31

/** Client addresses that a node keeps for each category, and how long after their last request. */
export const ADDRESSES_MAX = 10_000
export const ADDRESS_IDLE_MS = 60_000

/** How long a node waits for the operation rates of the others. */
export const OPERATIONS_WAIT_MS = 500
