// Every fault of a file, with its line and column, and never with a secret.
import {
  SECRET_LINE,
  STRONG_SECRET,
  errorOf,
  faultsOf,
  parse,
  singleNodeFile,
  snakeCaseSample,
} from './cluster-file.ts'

const NODES = [
  'nodes:',
  '  a: { publicBinding: "127.0.0.1:1", privateBinding: "127.0.0.1:2", raftBinding: "127.0.0.1:3" }',
  '  b: { publicBinding: "127.0.0.1:4", privateBinding: "127.0.0.1:5", raftBinding: "127.0.0.1:6" }',
]
const file = (...lines: string[]): string => [...lines, ''].join('\n')

const SINGLE_FAULTS: readonly (readonly [name: string, text: string, faults: readonly string[]])[] = [
  [
    'an unknown key',
    singleNodeFile(SECRET_LINE, 'rootPrefx: x'),
    ['2:1 unknown key "rootPrefx": did you mean "rootPrefix"?'],
  ],
  [
    'an unknown key in a section, in its own spelling',
    singleNodeFile(SECRET_LINE, 'sessions:', '  max_conections: 5'),
    ['3:3 unknown key "max_conections" in sessions: did you mean "max_connections"?'],
  ],
  ['an unknown key far from any', singleNodeFile(SECRET_LINE, 'zookeeper: 1'), ['2:1 unknown key "zookeeper"']],
  [
    'an unknown key of a node',
    file(
      SECRET_LINE,
      'nodes:',
      '  a:',
      '    publicBinding: :1',
      '    privateBinding: :2',
      '    raftBinding: :3',
      '    ops: :4',
    ),
    ['7:5 unknown key "ops" in nodes.a'],
  ],
  [
    'a key in both spellings',
    singleNodeFile(SECRET_LINE, 'rootPrefix: a', 'root_prefix: b'),
    ['3:1 "root_prefix" is the same option as "rootPrefix" above: keep one of them'],
  ],
  ['a secret that is missing', singleNodeFile(), ['- instanceSecret is missing in config']],
  ['nodes that are missing', file(SECRET_LINE), ['- no nodes defined in config']],
  ['a defaultLeader that is missing', file(SECRET_LINE, ...NODES), ['- defaultLeader is not set in config']],
  [
    'a defaultLeader that is no node',
    file(SECRET_LINE, 'defaultLeader: c', ...NODES),
    ['2:16 defaultLeader "c" is not one of the nodes: a, b (did you mean "a"?)'],
  ],
  [
    'bindings that are missing',
    file(SECRET_LINE, 'nodes:', '  a: { publicBinding: ":1" }'),
    [
      '3:3 nodes.a has no privateBinding and raftBinding: raftBinding, privateBinding and publicBinding are required for each node',
    ],
  ],
  [
    'half-set TLS',
    singleNodeFile(SECRET_LINE, 'tls:', '  key: server.key'),
    ['3:8 TLS configuration incomplete: both cert and key must be provided if one is specified'],
  ],
  [
    'a duration that is none',
    singleNodeFile(SECRET_LINE, 'cache: { keys: 1 hour }'),
    [
      '2:16 cache.keys must be a duration such as 500ms, 30s or 1h30m, or whole milliseconds, at least 1 ms, not "1 hour"',
    ],
  ],
  [
    'a duration of nothing',
    singleNodeFile(SECRET_LINE, 'cache: { keys: 0 }'),
    [
      '2:16 cache.keys is missing in config: it must be a duration such as 500ms, 30s or 1h30m, or whole milliseconds, at least 1 ms, not 0',
    ],
  ],
  [
    'a limit of nothing',
    singleNodeFile(SECRET_LINE, 'rateLimiters: { values: { limit: 0 } }'),
    [
      '2:34 rateLimiters.values.limit is missing in config: it must be a number of requests a second above 0, or unlimited, not 0',
    ],
  ],
  [
    'a text where a number belongs',
    singleNodeFile(SECRET_LINE, 'sessions: { maxConnections: many }'),
    ['2:29 sessions.maxConnections must be a whole number from 1 to 1000000, not "many"'],
  ],
  [
    'a number where a text belongs',
    singleNodeFile(SECRET_LINE, 'rootPrefix: 7'),
    ['2:13 rootPrefix must be text (put numbers into quotes), not 7'],
  ],
  [
    'a value where a section belongs',
    singleNodeFile(SECRET_LINE, 'logging: debug'),
    ['2:10 logging must have options below it: level, format'],
  ],
  [
    'a section where a value belongs',
    singleNodeFile(SECRET_LINE, 'insiHome: { path: x }'),
    ['2:11 insiHome must be text (put numbers into quotes), not a group of options'],
  ],
  [
    'a network that is none',
    singleNodeFile(SECRET_LINE, 'trustedProxies: [10.0.0.0/33]'),
    ['2:17 trustedProxies: "10.0.0.0/33" is neither an IP address nor a network such as 10.0.0.0/8'],
  ],
  [
    'an election that a heartbeat cannot prevent',
    singleNodeFile(SECRET_LINE, 'raft: { heartbeat: 200ms }'),
    ['2:20 raft.heartbeat (200) must not be more than a half of raft.electionTimeout (300)'],
  ],
  [
    'a root prefix that a tenant may have',
    singleNodeFile(SECRET_LINE, 'rootPrefix: 11111111-1111-4111-8111-111111111111'),
    ["2:13 rootPrefix must not be internal, blob, _ or a UUID, because tenants' scopes have such names"],
  ],
  [
    'a node id that is no file name',
    file(SECRET_LINE, 'nodes:', '  ../a: {}'),
    [
      '3:3 "../a" is no node id: use up to 63 letters, digits, dots, dashes and underscores, a letter or digit first',
      '- no nodes defined in config',
    ],
  ],
]

describe('a file is refused for', () => {
  test.each(SINGLE_FAULTS)('%s', (_name, text, faults) => {
    expect(faultsOf(text)).toEqual(faults)
  })

  test.each([
    'localhost',
    '8080',
    '"127.0.0.1:65536"',
    '"127.0.0.1:"',
    '"::1:80"',
    '"[::g]:80"',
    '"http://a:80"',
    '"a b:80"',
    '"a:80/x"',
  ])('the binding %s', (binding) => {
    const text = file(
      SECRET_LINE,
      'nodes:',
      `  a: { publicBinding: ${binding}, privateBinding: ":2", raftBinding: ":3" }`,
    )
    expect(faultsOf(text)).toEqual([
      expect.stringMatching(/^3:23 nodes\.a\.publicBinding must be host:port, such as 127\.0\.0\.1:8080/),
    ])
  })

  test('two listeners with one address', () => {
    const node = 'publicBinding: "127.0.0.1:80", privateBinding: "localhost:80", raftBinding: "[::1]:80"'
    expect(faultsOf(file(SECRET_LINE, 'nodes:', `  a: { ${node}, opsBinding: "127.0.0.1:81" }`))).toEqual([
      '3:55 nodes.a.privateBinding localhost:80 is already used by nodes.a.publicBinding 127.0.0.1:80',
    ])
  })

  test('a listener on every interface beside one on the same port, in another node', () => {
    const lines = NODES.map((line) => line.replace('127.0.0.1:6', '0.0.0.0:1'))
    expect(faultsOf(file(SECRET_LINE, 'defaultLeader: a', ...lines))).toEqual([
      '5:82 nodes.b.raftBinding 0.0.0.0:1 is already used by nodes.a.publicBinding 127.0.0.1:1',
    ])
  })

  test('nodes of different machines that share ports, when they are to run on one', () => {
    const node = (host: string): string =>
      `{publicBinding: ":8080", privateBinding: ":8081", raftBinding: ":7000", raftAdvertise: "${host}:7000"}`
    const text = file(SECRET_LINE, 'defaultLeader: a', 'nodes:', `  a: ${node('a')}`, `  b: ${node('b')}`)
    expect(faultsOf(text, { oneMachine: true })).toHaveLength(3)
  })

  test('one nodeSecret twice, without showing it', () => {
    const lines = NODES.map((line) => line.replace(' }', `, nodeSecret: ${STRONG_SECRET} }`))
    const error = errorOf(file(SECRET_LINE, 'defaultLeader: a', ...lines))
    expect(error.message).toContain('duplicate node secret in config - each node must contain a unique nodeSecret')
    expect(error.message).not.toContain(STRONG_SECRET)
  })

  test('all of its faults at once, from top to bottom', () => {
    const text = file('logging: 5', 'tls: { cert: x }', 'nodes:', '  a: { publicBinding: "x", typo: 1 }', 'extra: 1')
    expect(errorOf(text).message.split('\n')).toEqual([
      'failed to load configuration from cluster.yaml: 7 faults',
      '  cluster.yaml: instanceSecret is missing in config',
      '  cluster.yaml:1:10: logging must have options below it: level, format',
      expect.stringContaining('  cluster.yaml:2:14: TLS configuration incomplete'),
      '      Add tls.key, or remove tls.cert.',
      expect.stringContaining('  cluster.yaml:4:3: nodes.a has no privateBinding and raftBinding'),
      expect.stringContaining('  cluster.yaml:4:23: nodes.a.publicBinding must be host:port'),
      '  cluster.yaml:4:28: unknown key "typo" in nodes.a',
      '  cluster.yaml:5:1: unknown key "extra"',
    ])
  })

  test('variables and flags, by their names', () => {
    const environment = { INSI_RAFT_HEARTBEAT: 'soon', INSI_CLIENT_SKIP_VERIFY: 'yes' }
    const settings = [
      { name: 'raft.hartbeat', text: '1s', flag: '--set raft.hartbeat' },
      { name: 'instance_secret', text: STRONG_SECRET, flag: '--set instance_secret' },
    ]
    expect(faultsOf(singleNodeFile(SECRET_LINE), { environment, settings }).sort()).toEqual([
      '--set instance_secret instanceSecret cannot be a flag, because every user of the machine can read the flags of a process',
      '--set raft.hartbeat unknown option "raft.hartbeat": did you mean "raft.heartbeat"?',
      'INSI_CLIENT_SKIP_VERIFY clientSkipVerify must be true or false, not "yes"',
      expect.stringMatching(/^INSI_RAFT_HEARTBEAT raft\.heartbeat must be a duration .*, not "soon"$/),
    ])
  })
})

describe('a text that is no YAML', () => {
  test.each([
    ['a: b: c', '1:4'],
    ['a: 1\na: 2', '2:1'],
    ['a: @x', '1:4'],
    ['a: [1, 2', '1:9'],
    ['\ta: 1', '1:1'],
    ['a: 1\n---\nb: 2', '2:1'],
    ['a: !x y', '1:4'],
    ['a: *x', '1:4'],
  ])('%j is refused at its place', (text, place) => {
    const faults = faultsOf(text).filter((fault) => fault.includes('config file is unmarshallable: '))
    expect(faults[0]?.startsWith(`${place} `)).toBe(true)
  })

  test.each([
    `"${STRONG_SECRET}`,
    `@${STRONG_SECRET}`,
    `*${STRONG_SECRET}`,
    `!${STRONG_SECRET} x`,
    `a: ${STRONG_SECRET}`,
  ])('a broken secret %# is not shown', (value) => {
    expect(errorOf(singleNodeFile(`instanceSecret: ${value}`)).message).not.toContain(STRONG_SECRET)
  })

  test('an anchor that contains itself ends', () => {
    expect(faultsOf(singleNodeFile(SECRET_LINE, 'tls: &x { cert: *x }')).length).toBeGreaterThan(0)
  })

  test.each(['- a', 'text', '7'])('%j is no map', (text) => {
    expect(faultsOf(text)).toContain('1:1 the file must be a map of options')
  })
})

describe('a weak secret', () => {
  const WEAK = [
    'your-secure-secret',
    'please_change_this_secret_in_production_!!!',
    'CHANGE-ME-1234567890',
    'sh0rt',
    'ababababababababababab',
  ]

  test.each(WEAK)('%s is accepted while only this machine can reach the server', (secret) => {
    expect(parse(singleNodeFile(`instanceSecret: "${secret}"`)).config.instanceSecret).toBe(secret)
  })

  test.each(WEAK)('%s is refused when others can, with the command that makes a good one', (secret) => {
    const error = errorOf(snakeCaseSample(secret))
    expect(error.faults).toHaveLength(1)
    expect(error.message).toContain('cluster.yaml:2:18: instanceSecret ')
    expect(error.message).toContain('other machines can reach nodes.node0.publicBinding 0.0.0.0:8080')
    expect(error.message).toContain('    openssl rand -base64 32\n')
    expect(error.message).not.toContain(secret)
  })

  test('counts for the previous secret and for one from the environment as well', () => {
    const environment = { INSI_PREVIOUS_INSTANCE_SECRET: 'please_change_this' }
    expect(faultsOf(snakeCaseSample(STRONG_SECRET), { environment })).toEqual([
      expect.stringMatching(/^INSI_PREVIOUS_INSTANCE_SECRET previousInstanceSecret is a placeholder/),
    ])
    expect(faultsOf(singleNodeFile(SECRET_LINE, `previousInstanceSecret: ${STRONG_SECRET}`))).toEqual([
      '2:25 previousInstanceSecret must differ from instanceSecret',
    ])
  })
})
