// The one catalogue of errors: what each code means, its HTTP status, whether a retry may help, and what the caller can do.
// docs/API.md lists the same; a test compares them.
import { InsiError } from '../base/errors.ts'
import type { ErrorDetails } from '../base/errors.ts'

export interface ErrorEntry {
  /** Status of the HTTP answer. Codes that never reach a caller have 500. */
  readonly status: number
  /** The same request may succeed later, and repeating it is safe. */
  readonly retryable: boolean
  /** Message when the thrower gives none. */
  readonly meaning: string
  /** What the caller can do about it. */
  readonly hint: string
}

function entry(status: number, meaning: string, hint: string, options: { retryable?: boolean } = {}): ErrorEntry {
  return { status, retryable: options.retryable ?? false, meaning, hint }
}

const RETRY = { retryable: true }
const REPORT_HINT = 'Look for the request id in the logs of the node.'

export const ERRORS = {
  // The request.
  INVALID_JSON: entry(400, 'Invalid JSON payload', 'Send one JSON object as the body.'),
  INVALID_FIELD: entry(
    400,
    'A field of the request has the wrong type',
    'See the fields of the route in the API reference.',
  ),
  MISSING_FIELD: entry(400, 'A required field is missing', 'See the fields of the route in the API reference.'),
  INVALID_PARAMETER: entry(400, 'Invalid query parameter', 'See the fields of the route in the API reference.'),
  INVALID_KEY: entry(400, 'The key is not valid', 'A key is 1 byte to 32 KiB of well-formed Unicode text without NUL.'),
  KEY_TOO_LARGE: entry(400, 'Key is too large', 'A key has at most 32 KiB in UTF-8.'),
  INVALID_VALUE: entry(400, 'The value is not valid', 'A value is well-formed Unicode text; encode bytes as base64.'),
  VALUE_TOO_LARGE: entry(400, 'Value is too large', 'Split the value, or ask the operator to raise the limit.'),
  INVALID_TOPIC: entry(
    400,
    'The topic is not valid',
    'A topic is at most 1 KiB of well-formed text without NUL. In a pattern, * stands for one word and a final > for all that follow.',
  ),
  INVALID_NAME: entry(400, 'The name is not valid', 'A name has 1 to 128 characters after trimming.'),
  INVALID_LIMITS: entry(400, 'The limits are not valid', 'Each limit is an integer.'),
  NOT_AN_INTEGER: entry(
    400,
    'The existing value is not a valid integer, cannot bump.',
    'bump works on values that hold a decimal 64-bit integer.',
  ),
  INVALID_INCREMENT: entry(
    400,
    'The value to bump by must be a valid integer.',
    'Send a decimal 64-bit integer as a string, such as "1" or "-5".',
  ),
  INTEGER_OVERFLOW: entry(400, 'The result does not fit into 64 bits, nothing was changed.', 'Bump by less.'),
  METHOD_NOT_ALLOWED: entry(405, 'Method not allowed', 'The Allow header lists the methods of this route.'),
  UNSUPPORTED_MEDIA_TYPE: entry(
    415,
    'Unsupported content type',
    'Send JSON, not compressed, with Content-Type: application/json.',
  ),
  BODY_TOO_LARGE: entry(413, 'The request body is too large', 'Send a smaller value.'),
  HEADERS_TOO_LARGE: entry(431, 'The request line and headers are too large', 'Send long keys in a POST body.'),
  BAD_REQUEST: entry(400, 'The request is not valid HTTP', 'Check the client.'),
  REQUEST_TIMEOUT: entry(408, 'The request did not arrive in time', 'Send the request again.', RETRY),
  ROUTE_NOT_FOUND: entry(404, '404 page not found', 'Check the path; admin routes are on the private listener only.'),
  UPGRADE_REQUIRED: entry(
    400,
    'Bad Request',
    'Open a WebSocket of version 13, or send Accept: text/event-stream for an event stream.',
  ),

  // Who asks.
  AUTHENTICATION_FAILED: entry(
    401,
    'Authentication failed. Invalid or missing API key.',
    'Send the header Authorization: Bearer KEY.',
  ),
  ROOT_REQUIRED: entry(401, 'Unauthorized: this route needs the root key', 'Send the root key of the cluster.'),
  ORIGIN_NOT_ALLOWED: entry(
    403,
    'Forbidden: origin not allowed',
    'Ask the operator to add the origin to events.allowedOrigins.',
  ),
  ADDRESS_NOT_PERMITTED: entry(403, 'Forbidden', 'Ask the operator to add your address to permittedIPs.'),
  API_KEY_NOT_FOUND: entry(
    404,
    'The specified API key does not exist or has been deleted.',
    'List the existing keys with admin/insight/entities.',
  ),
  INVALID_TARGET_KEY: entry(400, 'Invalid target key', 'Send a token that begins with insi_.'),
  ENTITY_NOT_FOUND: entry(404, 'api key not found for key uuid', 'List the existing keys with admin/insight/entities.'),
  ALIAS_NOT_FOUND: entry(404, 'Alias not found', 'List your aliases with alias/list.'),
  ALIAS_OF_ROOT: entry(400, 'Cannot set alias for root key', 'Use a tenant key.'),
  ALIAS_OF_ALIAS: entry(400, 'Cannot create an alias from an alias key', 'Use the parent key.'),
  ALIAS_LIMIT_REACHED: entry(400, 'Alias limit of 16 reached', 'Delete an alias that is no longer used.'),
  ALIAS_DELETE_BY_ALIAS: entry(
    403,
    'Forbidden: an alias key cannot be used to delete an alias, use the parent key',
    'Use the parent key.',
  ),
  ALIAS_NOT_OWNED: entry(
    403,
    'Forbidden: you can only delete aliases belonging to the authenticated key',
    'Use the key that the alias belongs to.',
  ),
  KEY_IS_ALIAS: entry(404, 'api key is an alias, not a root key', 'Use admin/insight/entity_by_alias.'),

  // The data.
  KEY_NOT_FOUND: entry(404, 'key not found', 'The key was never set, was deleted, or has expired.'),
  KEY_EXISTS: entry(409, 'key already exists', 'Use set to replace, or cas to replace a known value.'),
  CAS_MISMATCH: entry(409, 'conflict: value has changed', 'Read the key again and repeat with its present value.'),
  CAS_KEY_MISSING: entry(412, 'key does not exist', 'Create the key with setnx.'),
  REVISION_MISMATCH: entry(
    409,
    'conflict: the key has another revision',
    'Read the key again and repeat with its present revision.',
  ),
  WATCH_TOO_OLD: entry(
    410,
    'Changes since that revision are not held any more',
    'List the entries again, then watch since the as_of of the list.',
  ),
  DISK_LIMIT_EXCEEDED: entry(400, 'Disk usage limit exceeded', 'Delete values, or ask for a higher limit.'),
  MEMORY_LIMIT_EXCEEDED: entry(400, 'Memory usage limit exceeded', 'Delete cache entries, or ask for a higher limit.'),
  EVENTS_LIMIT_EXCEEDED: entry(
    400,
    'Daily event limit reached. Please try again tomorrow.',
    'Publish less, or ask for a higher limit.',
  ),
  SUBSCRIBER_LIMIT_EXCEEDED: entry(
    503,
    'subscriber limit exceeded',
    'Close a subscription, or ask for a higher limit.',
    RETRY,
  ),
  TOO_MANY_CONNECTIONS: entry(503, 'Too many connections', 'Subscribe on another node.', RETRY),
  RATE_LIMITED: entry(429, 'Too Many Requests', 'Wait for the seconds that Retry-After says.', RETRY),

  // The cluster.
  NO_LEADER: entry(
    503,
    'Failed to determine cluster leader for forwarding: no current leader',
    'An election is under way or most nodes are down; nothing was changed. Try again.',
    RETRY,
  ),
  READ_TIMEOUT: entry(
    503,
    'The cluster did not confirm the read in time',
    'Try again, or read with consistency=local, which may be stale.',
    RETRY,
  ),
  OVERLOADED: entry(
    503,
    'The node has too much to do',
    'Nothing was changed. Try again with a pause that grows.',
    RETRY,
  ),
  BACKUP_UNDER_WAY: entry(
    503,
    'The node hands out another backup already',
    'Wait until that one is done, or ask another node.',
    RETRY,
  ),
  NODE_STOPPING: entry(503, 'The node is stopping', 'Nothing was changed. Use another node.', RETRY),
  NODE_QUARANTINED: entry(
    503,
    'The node serves nothing because its data is damaged',
    'Use another node; the operator finds the reason in the logs of this one.',
    RETRY,
  ),
  UPGRADE_PENDING: entry(
    503,
    'A member of the cluster does not know this operation yet; nothing was changed',
    'The operator finishes the upgrade of every node, or removes members that are gone. Then try again.',
    RETRY,
  ),
  OUTCOME_UNKNOWN: entry(
    503,
    'The write was sent, but its outcome is unknown: it may have happened or may still happen',
    'Read the key before you repeat the write.',
  ),

  // The membership.
  QUORUM_AT_RISK: entry(
    409,
    'The step would cost the cluster its quorum',
    'Bring the voters that are away back, or remove those first. See the plan of the step.',
  ),
  CHANGE_PENDING: entry(
    409,
    'Another change of the membership is under way',
    'Try again once cluster/status says that it is settled.',
    RETRY,
  ),
  MEMBER_UNKNOWN: entry(404, 'There is no such member', 'cluster/members lists the members with their incarnations.'),
  MEMBER_EXISTS: entry(409, 'The node is a member already', 'Remove its former incarnation first.'),
  MEMBER_LEADS: entry(409, 'The member leads the cluster', 'Move the leadership first: cluster/transfer.'),
  MEMBER_NOT_READY: entry(
    409,
    'The member is not ready for that',
    'It must run, be reachable at its Raft address and be caught up; see cluster/status.',
  ),
  TOPOLOGY_INVALID: entry(400, 'The topology cannot be used', 'Correct the faults that the message lists.'),
  TOPOLOGY_CONFLICT: entry(
    409,
    'The node has another topology that is as new or newer',
    'Push a higher generation; GET cluster/topology says which one the node has.',
  ),
  TRANSFER_FAILED: entry(503, 'The leadership did not move in time', 'Nothing was changed. Try again.', RETRY),
  JOIN_FAILED: entry(500, 'Failed to join follower', 'Start the node with the same secret, then try again.'),

  // The node. Callers see the code and the request id, the logs have the details.
  INTERNAL: entry(500, 'Internal Server Error', REPORT_HINT),
  COMMAND_UNKNOWN: entry(500, 'Internal Server Error', 'Bring all nodes to the same release.'),
  STORAGE_FAILED: entry(500, 'Internal Server Error', REPORT_HINT),
  STORAGE_CLOSED: entry(503, 'The node is stopping', 'Use another node.', RETRY),
  RECORD_CORRUPT: entry(500, 'Internal Server Error', REPORT_HINT),
  LOG_CORRUPT: entry(500, 'Internal Server Error', REPORT_HINT),
  IDENTITY_CORRUPT: entry(500, 'Internal Server Error', REPORT_HINT),
  RESTORE_UNFINISHED: entry(500, 'A restore was interrupted', 'Run insid restore again, or empty the data directory.'),
  RESTORE_REFUSED: entry(500, 'The backup cannot be restored there', 'See docs/BACKUP.md.'),
  IDENTITY_MISMATCH: entry(500, 'Internal Server Error', REPORT_HINT),
  STATE_CORRUPT: entry(500, 'Internal Server Error', REPORT_HINT),
  SNAPSHOT_CORRUPT: entry(500, 'Internal Server Error', REPORT_HINT),
  DATA_DIRECTORY_LOCKED: entry(
    500,
    'The data directory is in use',
    'Stop the other process, or use another directory.',
  ),
  LISTEN_FAILED: entry(500, 'A listener cannot open its address', 'Free the port, or change the binding.'),
  TLS_FILES_UNREADABLE: entry(500, 'The TLS files cannot be read', 'Check the paths under tls and their permissions.'),
  PEER_PROTOCOL: entry(
    500,
    'A peer does not speak the protocol of this cluster',
    'Bring all nodes to the same release.',
  ),
  CONFIG_INVALID: entry(500, 'The configuration is not valid', 'Correct the faults that the message lists.'),
} as const satisfies Readonly<Record<string, ErrorEntry>>

export type ErrorCode = keyof typeof ERRORS

/** True when the catalogue has `code`. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code)
}

/** The catalogue's entry of `code`. */
export function errorEntry(code: ErrorCode): ErrorEntry {
  return ERRORS[code]
}

/** An operating error of the catalogue. `message` defaults to the meaning of the code; `details` are shown to the caller. */
export function insiError(code: ErrorCode, message?: string, details?: ErrorDetails): InsiError {
  return new InsiError(code, message ?? ERRORS[code].meaning, details === undefined ? {} : { details })
}

/** Body of every error answer. */
export interface ErrorBody {
  readonly error_type: ErrorCode
  readonly message: string
  readonly hint: string
  readonly request_id: string
}
