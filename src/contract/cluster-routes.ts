// The routes by which root looks at the cluster and changes its membership. routes.ts has them in its table.
import type { ErrorCode } from './errors.ts'
import { API_PREFIX, BINARY_CONTENT_TYPE } from './route.ts'
import type { Field, Route } from './route.ts'

const NODE: Field = { name: 'node_id', type: 'member', required: true, meaning: 'The name of the node.' }
const INCARNATION: Field = {
  name: 'incarnation',
  type: 'member',
  required: false,
  meaning: 'Which incarnation of the node; needed when it has several.',
}
const PLAN: Field = {
  name: 'plan',
  type: 'flag',
  required: false,
  meaning: 'True: say what would happen, and change nothing.',
}

const QUORUM_BODY = '{"voters":3,"size":2,"active":3,"margin":1}'
const MEMBER_BODY =
  '{"member_id":"node0/<uuid>","node_id":"node0","incarnation":"<uuid>","role":"voter","demoted":false,' +
  '"raft_address":"127.0.0.1:7000","leader":true,"lag_entries":0,"active":true}'
const STATUS_BODY =
  '{"state":"ok","cluster_id":"<uuid>","leader":"node0","term":2,"commit_index":9,"membership_index":1,"settled":true,' +
  `"quorum":${QUORUM_BODY},"members":[${MEMBER_BODY}],"topology":{"node_id":"node0","generation":3,"hash":"<hex>"}}`
const STEP_BODY =
  '{"changed":true,"plan":{"action":"remove","member_id":"node2/<uuid>","verdict":"allowed","code":null,"reason":"…","warnings":[],' +
  `"voters_before":["node0/<uuid>"],"voters_after":["node0/<uuid>"],"quorum_before":${QUORUM_BODY},"quorum_after":${QUORUM_BODY}}}`

type RouteInput = Pick<Route, 'name' | 'path' | 'meaning'> & Partial<Route>

function clusterRoute(kind: Route['kind'], input: RouteInput): Route {
  return {
    methods: kind === 'write' ? ['POST'] : ['GET', 'POST'],
    listener: 'private',
    auth: 'root',
    keyLimiter: 'none',
    addressLimiter: 'system',
    kind,
    fields: [],
    success: { status: 200, body: '' },
    errors: [],
    ...input,
    path: API_PREFIX + input.path,
  }
}

function step(action: string, fields: readonly Field[], errors: readonly ErrorCode[], meaning: string): Route {
  return clusterRoute('write', {
    name: `cluster.${action}`,
    path: `/cluster/${action}`,
    fields: [...fields, PLAN],
    success: { status: 200, body: STEP_BODY },
    errors: ['NO_LEADER', 'CHANGE_PENDING', ...errors, 'OUTCOME_UNKNOWN'],
    meaning,
  })
}

export const CLUSTER_ROUTES: readonly Route[] = [
  clusterRoute('node', {
    name: 'cluster.status',
    path: '/cluster/status',
    success: { status: 200, body: STATUS_BODY },
    errors: ['NO_LEADER'],
    meaning:
      'The cluster as its leader sees it. Without a leader, what this node knows: then `leader`, `active`, `margin` and `lag_entries` are null and `state` is `no_quorum`. `state` is `degraded` while a voter is away; `margin` says how many voters may still be lost.',
  }),
  clusterRoute('node', {
    name: 'cluster.members',
    path: '/cluster/members',
    success: { status: 200, body: `{"members":[${MEMBER_BODY}]}` },
    errors: ['NO_LEADER'],
    meaning: 'The members alone, by member id.',
  }),
  step(
    'transfer',
    [
      {
        name: 'target',
        type: 'member',
        required: false,
        meaning: 'The node that shall lead. Default: the caught-up voter with the lowest number.',
      },
    ],
    ['MEMBER_UNKNOWN', 'MEMBER_NOT_READY', 'TRANSFER_FAILED'],
    'Moves the leadership to another voter.',
  ),
  step(
    'add',
    [
      NODE,
      {
        name: 'member_id',
        type: 'member',
        required: false,
        meaning: '<node>/<incarnation>. Default: who listens there.',
      },
      { name: 'raft_address', type: 'address', required: true, meaning: 'host:port of its Raft listener.' },
    ],
    ['MEMBER_UNKNOWN', 'MEMBER_EXISTS', 'MEMBER_NOT_READY'],
    'Adds a node as a learner; the leader promotes it once it is caught up.',
  ),
  step(
    'promote',
    [NODE, INCARNATION],
    ['MEMBER_UNKNOWN', 'MEMBER_NOT_READY', 'QUORUM_AT_RISK'],
    'Makes a learner a voter.',
  ),
  step(
    'demote',
    [NODE, INCARNATION],
    ['MEMBER_UNKNOWN', 'MEMBER_LEADS', 'QUORUM_AT_RISK'],
    'Makes a voter a learner, which stays one until it is promoted.',
  ),
  step(
    'remove',
    [
      NODE,
      INCARNATION,
      {
        name: 'force',
        type: 'flag',
        required: false,
        meaning: 'True: also a voter that answers while another one is away. A majority must still commit the change.',
      },
    ],
    ['MEMBER_UNKNOWN', 'MEMBER_LEADS', 'QUORUM_AT_RISK'],
    'Removes a member. A node that comes back with its old data stays outside.',
  ),
  clusterRoute('node', {
    name: 'cluster.topology',
    path: '/cluster/topology',
    methods: ['GET'],
    success: {
      status: 200,
      body: '{"node_id":"node0","generation":3,"hash":"<hex>","source":"push","nodes":["node0","node1","node2"]}',
    },
    meaning:
      'Which cluster.yaml this node goes by when it looks for its peers: the newest of its own file (`file`) and what was pushed to it (`push`). Without a generation in either, `generation` is 0 and `hash` null.',
  }),
  clusterRoute('write', {
    name: 'cluster.topologyPush',
    path: '/cluster/topology',
    methods: ['PUT', 'POST'],
    fields: [
      {
        name: 'generation',
        type: 'revision',
        required: true,
        meaning: 'From 1; higher than that of every earlier file.',
      },
      { name: 'hash', type: 'hash', required: true, meaning: 'SHA-256 of `body` in lower-case hexadecimal digits.' },
      {
        name: 'body',
        type: 'file',
        required: true,
        meaning: 'A cluster.yaml that names this node and holds no secret; at most 1 MiB.',
      },
    ],
    success: { status: 200, body: '{"node_id":"node0","changed":true,"generation":3,"hash":"<hex>"}' },
    errors: ['TOPOLOGY_INVALID', 'TOPOLOGY_CONFLICT'],
    meaning:
      'Tells this node where its peers are. Answers once the file is durable in the data directory; the same generation with the same hash changes nothing, an older one is refused. Says nothing about who is a member.',
  }),
  clusterRoute('write', {
    name: 'cluster.leaveGate',
    path: '/cluster/leave-gate',
    fields: [
      {
        name: 'timeout_ms',
        type: 'duration',
        required: false,
        meaning: 'How long to wait: 0 to 600000. Default 10000.',
      },
    ],
    success: { status: 200, body: '{"safe":true,"leader":"node1","reason":"2 voters stay, and 2 must"}' },
    meaning:
      'About this node: hands leadership over and answers once the quorum survives its exit, or when the time is up (`safe` is false then). Nodes that ask at once are let go one after the other.',
  }),
  clusterRoute('read', {
    name: 'cluster.backup',
    path: '/cluster/backup',
    success: { status: 200, body: 'bytes: a manifest, then the state; see docs/BACKUP.md' },
    produces: BINARY_CONTENT_TYPE,
    errors: ['BACKUP_UNDER_WAY', 'NODE_STOPPING', 'NODE_QUARANTINED'],
    meaning:
      'A backup of the whole state, taken while the node serves: everything that was acknowledged before the request is inside, with `consistency=local` what the node that answers has applied. One at a time on a node. A connection that breaks off, or one that the node cuts because its reader stands still, leaves an incomplete stream, which its end tells: use `insic --root cluster backup`, which checks it.',
  }),
  clusterRoute('node', {
    name: 'join',
    path: '/join',
    fields: [
      { name: 'followerId', type: 'member', required: true, meaning: 'The name of the node.' },
      { name: 'followerAddr', type: 'address', required: true, meaning: 'host:port of its Raft listener.' },
    ],
    errors: ['NO_LEADER', 'JOIN_FAILED'],
    meaning: 'Answers once the node is a voting member, adding it when it is none yet. Repeatable.',
  }),
]
