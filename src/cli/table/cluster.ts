// The commands on the cluster and its members.
import type { Argument, Command } from '../command.ts'
import type { FlagSpec } from '../flags.ts'

const NODE: Argument = { name: 'node', meaning: 'The name of the node.' }
const ADDRESS: Argument = { name: 'raft_address', meaning: 'host:port of its Raft listener.' }

const PLAN: FlagSpec = { name: 'plan', type: 'boolean', meaning: 'Say what would happen, and change nothing.' }
const INCARNATION: FlagSpec = {
  name: 'incarnation',
  type: 'text',
  meaning: 'Which incarnation of the node; needed when it has several.',
}
const MEMBER: FlagSpec = { name: 'member', type: 'text', meaning: 'node/incarnation; without it, who listens there.' }
const FORCE: FlagSpec = {
  name: 'force',
  type: 'boolean',
  meaning: 'Also a voter that answers while another is away. A majority must still agree.',
}

export const CLUSTER_COMMANDS: readonly Command[] = [
  {
    path: ['cluster', 'status'],
    summary: 'Show leader, quorum and members.',
    details:
      'Exits with 0 when every voter answers, 3 when the cluster works and a voter is away, 4 when there is no quorum.',
    args: [],
    access: 'root',
    failure: 'Getting the status of the cluster failed',
    examples: [
      { line: 'insic --root cluster status', meaning: 'as the leader sees it' },
      { line: 'insic --root --target node2 cluster status', meaning: 'asks node2, which asks the leader' },
    ],
    load: async () => (await import('../cluster.ts')).status,
  },
  {
    path: ['cluster', 'members'],
    summary: 'List the members with role, lag and incarnation.',
    args: [],
    access: 'root',
    failure: 'Listing the members failed',
    examples: [{ line: 'insic --root cluster members', meaning: 'one line a member' }],
    load: async () => (await import('../cluster.ts')).members,
  },
  {
    path: ['cluster', 'plan'],
    summary: 'Say what a step would do to the quorum, and change nothing.',
    details: 'Exits with 1 when the step would be refused.',
    args: [
      { name: 'step', meaning: 'add, promote, demote, remove or transfer.' },
      { ...NODE, optional: true },
      { ...ADDRESS, optional: true },
    ],
    flags: [INCARNATION, MEMBER, FORCE],
    access: 'root',
    failure: 'Planning failed',
    examples: [{ line: 'insic --root cluster plan remove node2', meaning: 'voters and quorum before and after' }],
    load: async () => (await import('../cluster.ts')).plan,
  },
  {
    path: ['cluster', 'add'],
    summary: 'Add a running node as a learner; it becomes a voter once it is caught up.',
    args: [NODE, ADDRESS],
    flags: [MEMBER, PLAN],
    access: 'root',
    failure: 'Adding the node failed',
    examples: [{ line: 'insic --root cluster add node3 10.0.0.4:7003', meaning: 'the node must be running' }],
    load: async () => (await import('../cluster.ts')).stepCommand('add'),
  },
  {
    path: ['cluster', 'promote'],
    summary: 'Make a learner a voter.',
    args: [NODE],
    flags: [INCARNATION, PLAN],
    access: 'root',
    failure: 'Promoting the node failed',
    examples: [
      { line: 'insic --root cluster promote node3', meaning: 'after a demote; others are promoted by themselves' },
    ],
    load: async () => (await import('../cluster.ts')).stepCommand('promote'),
  },
  {
    path: ['cluster', 'demote'],
    summary: 'Take the vote of a member; it keeps its copy.',
    args: [NODE],
    flags: [INCARNATION, PLAN],
    access: 'root',
    failure: 'Demoting the node failed',
    examples: [{ line: 'insic --root cluster demote node3', meaning: 'until it is promoted' }],
    load: async () => (await import('../cluster.ts')).stepCommand('demote'),
  },
  {
    path: ['cluster', 'remove'],
    summary: 'Remove a member.',
    args: [NODE],
    flags: [INCARNATION, FORCE, PLAN],
    access: 'root',
    failure: 'Removing the node failed',
    examples: [
      { line: 'insic --root cluster remove node2', meaning: 'refused when the rest would be no quorum' },
      { line: 'insic --root cluster remove node2 --plan', meaning: 'the effect on the quorum first' },
    ],
    load: async () => (await import('../cluster.ts')).stepCommand('remove'),
  },
  {
    path: ['cluster', 'transfer'],
    summary: 'Move the leadership.',
    args: [
      { ...NODE, meaning: 'Who shall lead (default: the caught-up voter with the lowest number).', optional: true },
    ],
    flags: [PLAN],
    access: 'root',
    failure: 'Moving the leadership failed',
    examples: [{ line: 'insic --root cluster transfer node1', meaning: 'node1 leads' }],
    load: async () => (await import('../cluster.ts')).stepCommand('transfer'),
  },
  {
    path: ['cluster', 'topology'],
    summary: 'Show which cluster.yaml a node looks for its peers by, or push a newer one to it.',
    details:
      'About the one node that answers: name it with --target. A file as insi-reconciler makes it says itself which generation it is; for any other file, --generation says so, and must be higher than what the node has. The file must name the node and hold no secret. It says where the peers are, not who is a member.',
    args: [
      { name: 'action', meaning: 'push; without it, the topology is shown.', optional: true },
      { name: 'file', meaning: 'The cluster.yaml to push; - for stdin.', optional: true },
    ],
    flags: [{ name: 'generation', type: 'integer', meaning: 'Of a file that does not say so itself.' }],
    access: 'root',
    failure: 'The topology was not exchanged',
    examples: [
      {
        line: 'insic --root --target node1 cluster topology',
        meaning: 'generation, where it came from, and the nodes',
      },
      {
        line: 'insic --root --target node1 cluster topology push cluster.yaml',
        meaning: 'as insi-reconciler --once --dry-run prints it',
      },
    ],
    load: async () => (await import('../topology.ts')).topology,
  },
  {
    path: ['cluster', 'backup'],
    summary: 'Copy everything that the cluster knows into a file, while it goes on serving.',
    details:
      'Everything that was acknowledged before is inside. Nothing stands under the name of a backup before it is complete and checked. insid restore makes a cluster of it, with the same instance secret, which is not inside.',
    args: [
      {
        name: 'destination',
        meaning: 'A file; a directory or s3://BUCKET/PREFIX/, where it is named by time; or - for stdout.',
      },
    ],
    flags: [
      {
        name: 'keep',
        type: 'integer',
        placeholder: 'count',
        meaning:
          'Remove the oldest backups of this cluster in the directory beyond so many, once the new one is there.',
      },
    ],
    access: 'root',
    failure: 'The backup failed',
    examples: [
      { line: 'insic --root cluster backup /backups/', meaning: 'named by cluster and time' },
      { line: 'insic --root cluster backup --keep 7 /backups/', meaning: 'and the six before it' },
      { line: 'insic --root cluster backup now.insi', meaning: 'one file' },
    ],
    load: async () => (await import('../backup.ts')).backup,
  },
  {
    path: ['cluster', 'backups'],
    summary: 'List the backups that a directory or a bucket has, the newest last.',
    details: 'Of every cluster. Asks no node. insid verify-backup proves that one can be restored.',
    args: [{ name: 'place', meaning: 'The directory, or s3://BUCKET/PREFIX/.' }],
    access: 'nothing',
    failure: 'The backups could not be listed',
    examples: [{ line: 'insic cluster backups /backups/', meaning: 'name, size and age of each' }],
    load: async () => (await import('../backups.ts')).backups,
  },
  {
    path: ['cluster', 'prune-backups'],
    summary: 'Remove the oldest backups of one cluster from a directory.',
    details: 'Asks no node. After insid verify-backup, so that none is removed before a newer one was proved.',
    args: [{ name: 'place', meaning: 'The directory, or s3://BUCKET/PREFIX/.' }],
    flags: [
      { name: 'keep', type: 'integer', placeholder: 'count', meaning: 'How many stay.' },
      {
        name: 'cluster',
        type: 'text',
        placeholder: 'id',
        meaning: 'Of which cluster, where the place has backups of several: the beginning of its id.',
      },
    ],
    access: 'nothing',
    failure: 'The backups could not be removed',
    examples: [{ line: 'insic cluster prune-backups --keep 7 /backups/', meaning: 'the seven newest stay' }],
    load: async () => (await import('../backups.ts')).pruneBackups,
  },
  {
    path: ['cluster', 'leave-gate'],
    summary: 'Before a node stops: hand its leadership over and wait until the quorum survives its exit.',
    details:
      'Asks the node itself, with the root key of the configuration. Nodes that ask at once are let go one after the other. Exits with 0 when the node may stop, 3 when the time was up first. Changes no membership by itself; made for preStop hooks.',
    args: [
      { ...NODE, meaning: 'The node that is about to stop (default: the host name, as in a pod).', optional: true },
    ],
    flags: [
      { name: 'timeout-ms', type: 'integer', defaultText: '10000', meaning: 'How long to wait, 0 to 600000.' },
      {
        name: 'removal-timeout-ms',
        type: 'integer',
        defaultText: '60000',
        meaning: 'The same for a node that is not wanted any more.',
      },
      {
        name: 'linger-ms',
        type: 'integer',
        defaultText: '0',
        meaning: 'Stay for at least this long, so that services forget the node first.',
      },
      {
        name: 'reconciler',
        type: 'text',
        placeholder: 'url',
        meaning:
          'URL of insi-reconciler: when it says that the node is not wanted any more, wait for its removal instead.',
      },
    ],
    access: 'configuration',
    failure: 'The leave gate failed',
    examples: [{ line: 'insic cluster leave-gate node2', meaning: 'then stop node2' }],
    load: async () => (await import('../leave-gate.ts')).leaveGate,
  },
  {
    path: ['join'],
    summary: 'Make a node a voting member of the cluster of another.',
    details:
      'Both nodes stand in the configuration. Sends the Raft address of the follower, and is done when it votes. Needs no key: it uses the root key of the configuration.',
    args: [
      { name: 'leader_node', meaning: 'A node of the cluster.' },
      { name: 'follower_node', meaning: 'The node that joins; it must be running.' },
    ],
    access: 'configuration',
    failure: 'Join failed',
    examples: [{ line: 'insic join node0 node3', meaning: 'repeatable' }],
    load: async () => (await import('../cluster.ts')).join,
  },
]
