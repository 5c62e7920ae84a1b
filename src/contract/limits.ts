// Every limit of the wire, by name. What a deployment may change stands in the configuration; its default refers to here.

/** Longest key, and longest prefix of an iteration, in UTF-8 bytes. */
export const KEY_BYTES_MAX = 32 * 1024

/** Longest value in UTF-8 bytes unless the configuration says otherwise. */
export const VALUE_BYTES_MAX_DEFAULT = 1024 * 1024

/** The most that one byte of text can grow to in JSON (`\u0001`). */
const JSON_ESCAPE_FACTOR = 6

/** Room in a body for member names, numbers, tokens and unknown members. */
const BODY_OVERHEAD_BYTES = 8 * 1024

/** Request line and headers together: a key of full length, percent-encoded (three bytes a byte), with room to spare. */
export const HEADER_BYTES_MAX = 256 * 1024

/** Time for a client to send its headers, and its whole request. */
export const HEADERS_TIMEOUT_MS = 20_000
export const REQUEST_TIMEOUT_MS = 60_000

/** How long an idle connection is kept; clients that pool connections expect at least 90 s. */
export const KEEP_ALIVE_TIMEOUT_MS = 120_000

/** How long a client may read nothing of an answer before its connection is cut. */
export const ANSWER_TIMEOUT_MS = 60_000

/** Requests of one connection that are carried out at a time; more that are sent ahead are refused. */
export const PIPELINED_REQUESTS_MAX = 100

/** How long a stopping listener waits for requests that are under way before it cuts them. */
export const DRAIN_TIMEOUT_MS = 5_000

/** Connections that one listener accepts at the same time. */
export const CONNECTIONS_MAX = 10_000

/** Page of an iteration when the request names none, and the largest that it may name. */
export const ITERATE_LIMIT_DEFAULT = 100
export const ITERATE_LIMIT_MAX = 10_000

/** Bytes of the keys of one page of an iteration: it ends with the key that reaches them, at most one key later. */
export const ITERATE_PAGE_BYTES_MAX = 4 * 1024 * 1024

/** Largest offset of an iteration: skipping costs time, so it has an end. */
export const ITERATE_OFFSET_MAX = 1_000_000_000

/** Name of a key, in characters, after trimming. */
export const NAME_CHARS_MAX = 128

export const ALIASES_PER_ENTITY_MAX = 16

/** Comparisons, and operations of either branch, of one txn. */
export const TXN_OPERATIONS_MAX = 128

/** Operations of one batch. */
export const BATCH_COMMANDS_MAX = 1024

/** Bytes of keys, values and events of one batch or txn together, so that it travels in one message. */
export const OPERATIONS_BYTES_MAX = 4 * 1024 * 1024

/** Largest JSON body of a batch or txn, unless a single value of full length needs more. */
export const OPERATIONS_BODY_BYTES_MAX = 8 * 1024 * 1024

/** Longest time to live: ten years. */
export const TTL_MS_MAX = 10 * 365 * 24 * 60 * 60 * 1000

/** Bytes of keys and values of one page of entries; a first entry that is larger comes alone. */
export const ENTRIES_PAGE_BYTES_MAX = 4 * 1024 * 1024

/** Keys that one step of a range deletion removes, and the most steps of one request. */
export const DELETE_RANGE_KEYS_PER_STEP = 1_000
export const DELETE_RANGE_STEPS_MAX = 1_000

/** The newest changes that a node keeps for those who watch keys and come back: of keys that were watched on it, and of all others. */
export const WATCH_RING_REVISIONS_MAX = 10_000
export const WATCH_RING_BYTES_MAX = 16 * 1024 * 1024
export const WATCH_UNWATCHED_REVISIONS_MAX = 10_000
export const WATCH_UNWATCHED_BYTES_MAX = 8 * 1024 * 1024

/** Entities of which it remembers when they changed last, and nothing else. */
export const WATCH_FORGOTTEN_ENTITIES_MAX = 10_000

/** Watchers of one node, of one key and of all together. */
export const WATCHERS_PER_ENTITY_MAX = 100
export const WATCHERS_PER_NODE_MAX = 1_000

/** Longest text that can be a token; longer ones are refused unread. */
export const TOKEN_CHARS_MAX = 512

/** Verified tokens that a node remembers, so that the hot path makes no MAC. */
export const TOKEN_CACHE_ENTRIES_MAX = 10_000

/**
 * For how long a node accepts keys from its own state after it was last sure to have every deletion that was acknowledged before, and
 * from which age on it makes sure again beside the requests. A deletion that not every member confirms is acknowledged after the
 * wait: longer than the former by more than two clocks of machines drift apart.
 */
export const AUTHORIZATION_LEASE_MS = 2_000
export const AUTHORIZATION_RENEW_MS = 1_000
export const REVOCATION_WAIT_MS = 2_100

/** Lines of the access log in one second: of requests that went well, of all at debug, and of those that failed with 5xx. */
export const ACCESS_LINES_PER_SECOND_MAX = 20
export const DEBUG_ACCESS_LINES_PER_SECOND_MAX = 1_000
export const FAILURE_LINES_PER_SECOND_MAX = 100

/** What a node remembers of elections and changes of the membership. */
export const HISTORY_ENTRIES_MAX = 100

/** Longest X-Request-Id that is taken over from a request. */
export const REQUEST_ID_CHARS_MAX = 128

/** Largest number that limits and usage can hold: integers that JSON carries exactly. */
export const LIMIT_VALUE_MAX = Number.MAX_SAFE_INTEGER

/** Records that one purge command removes, and the pause between two looks for entities that are being deleted. */
export const PURGE_RECORDS_PER_COMMAND = 1_000
export const PURGE_POLL_INTERVAL_MS = 500

/** Entities that one look of the purge driver, or one page of insight, reads at a time. */
export const ENTITIES_PER_PAGE_MAX = 10_000

/** How long a node stays ready without a leader, so that an election does not take it out of service. */
export const READINESS_GRACE_MS = 5_000

/** Pause between two looks for a leader, for the grace above. */
export const READINESS_SAMPLE_INTERVAL_MS = 500

/** How far a ready node may be behind in applying what is committed. */
export const READINESS_LAG_ENTRIES_MAX = 1_000

/** How long one operation of the disk may take before the node is not ready, and before it counts as dead. */
export const READINESS_DISK_STALL_MS = 5_000
export const LIVENESS_DISK_STALL_MS = 30_000

/** Largest JSON body of a request with `valueCount` values of at most `valueBytesMax` bytes. */
export function bodyBytesMax(valueCount: number, valueBytesMax: number): number {
  return (KEY_BYTES_MAX + valueCount * valueBytesMax) * JSON_ESCAPE_FACTOR + BODY_OVERHEAD_BYTES
}

/** Longest name of a node, incarnation or address in a request about the cluster. */
export const MEMBER_CHARS_MAX = 512

/** How long `join` waits for a node to become a voter, and how often it looks. */
export const JOIN_TIMEOUT_MS = 8_000
export const JOIN_POLL_INTERVAL_MS = 100

/** Bytes of a pushed cluster.yaml: no ConfigMap is larger. */
export const TOPOLOGY_BYTES_MAX = 2 ** 20

/** The leave gate: how long it waits, how often it asks, and how long a permission to leave is kept. */
export const LEAVE_TIMEOUT_MS_DEFAULT = 10_000
export const LEAVE_TIMEOUT_MS_MAX = 600_000
export const LEAVE_POLL_INTERVAL_MS = 200
export const LEAVE_HOLD_MS = 30_000

/** Backups that a node hands out at a time, what it reads for one at a time, and how long one may take. */
export const BACKUPS_PER_NODE_MAX = 1
export const BACKUP_CHUNK_BYTES = 256 * 1024
export const BACKUP_DURATION_MS_MAX = 2 * 60 * 60 * 1000

/** A body over its limit is still read and dropped up to this much, so that the answer reaches the client. */
export const BODY_DISCARD_BYTES_MAX = 32 * 1024 * 1024

/** Longest topic in UTF-8 bytes, and the most words that a pattern may have. */
export const TOPIC_BYTES_MAX = 1024
export const PATTERN_WORDS_MAX = 64

/** Retention of events unless the configuration says otherwise; whichever is reached first. */
export const EVENT_RETAIN_MS_DEFAULT = 60 * 60 * 1000
export const EVENT_RETAIN_SIZE_BYTES_DEFAULT = 64 * 1024 * 1024

/** Bytes of events that may wait for one subscriber; their number is limited by the configuration. */
export const SUBSCRIBER_QUEUE_BYTES_MAX = 4 * 1024 * 1024

/** Bytes that are handed to a subscriber's connection before it has written them; the rest waits in its queue. */
export const SUBSCRIBER_IN_FLIGHT_BYTES_MAX = 64 * 1024

/** Stored events that one step of a subscriber's replay reads. */
export const REPLAY_EVENTS_MAX = 500
export const REPLAY_BYTES_MAX = 256 * 1024

/** Frames of stored events that a node holds for all that replay, so that each is read and made once. */
export const REPLAY_CACHE_EVENTS_MAX = 20_000
export const REPLAY_CACHE_BYTES_MAX = 32 * 1024 * 1024

/** Deliveries in one turn of the event loop, so that a large fan-out does not hold up replication. */
export const DELIVERIES_PER_TURN_MAX = 1_000

/** Applied events that wait for delivery; when there are more, subscribers read them from the store instead. */
export const UNDELIVERED_EVENTS_MAX = 10_000
export const UNDELIVERED_BYTES_MAX = 16 * 1024 * 1024

/** Subscriptions of one node that are waiting for their slot. */
export const PENDING_SUBSCRIPTIONS_MAX = 2_000

/** Longest message that a subscriber may send; what it says is ignored. */
export const SUBSCRIBER_MESSAGE_BYTES_MAX = 512

/** A WebSocket is pinged this often, and closed when nothing came from it for the deadline. */
export const SOCKET_PING_INTERVAL_MS = 25_000
export const SOCKET_SILENCE_MAX_MS = 60_000

/** How often sockets are looked at for the two above. */
export const SOCKET_SWEEP_INTERVAL_MS = 5_000

/** How long a WebSocket has to answer a close frame. */
export const SOCKET_CLOSE_TIMEOUT_MS = 2_000

/** Comment lines keep an event stream alive through proxies; `retry` of its clients. */
export const STREAM_HEARTBEAT_MS = 15_000
export const STREAM_RETRY_MS = 2_000

/** On stop: the time over which subscribers are closed. */
export const SUBSCRIBER_DRAIN_SPREAD_MS = 1_000

/** How often a node compares its subscribers with the slots that the state counts for it. */
export const SLOT_CHECK_INTERVAL_MS = 2_000

/** A member that the leader has not heard from for this long holds no slots. */
export const SLOT_SILENCE_MAX_MS = 3_000

/** Largest revision: log indexes have 48 bits. */
export const REVISION_MAX = 2 ** 48 - 1

/** A look at what all entities use: entities in one turn of the event loop, how long it is kept, and what is close to a limit. */
export const USAGE_SAMPLE_ENTITIES_PER_TURN = 500
export const USAGE_SAMPLE_KEPT_MS = 5_000
export const NEAR_QUOTA_RATIO = 0.9

/** Entities that /metrics/entities shows one by one unless the configuration says otherwise. */
export const METRICS_ENTITIES_TOP_DEFAULT = 50
