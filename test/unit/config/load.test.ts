// What a valid file, the environment and flags become.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { stringify } from 'yaml'
import { ConfigError } from '../../../src/config/faults.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { CLUSTER, NODE, optionsOf } from '../../../src/config/options.ts'
import { snakeCase, spellingsOf } from '../../../src/config/spelling.ts'
import { SECRET_LINE, STRONG_SECRET, parse, singleNodeFile, snakeCaseSample } from './cluster-file.ts'

describe('a file', () => {
  test('of five keys in snake_case is complete', () => {
    const { config } = parse(snakeCaseSample(STRONG_SECRET), { oneMachine: true })
    expect(config.defaultLeader).toBe('node0')
    expect(config.instanceSecret).toBe(STRONG_SECRET)
    expect(config.nodes).toEqual({
      node0: {
        publicBinding: { host: '0.0.0.0', port: 8080 },
        privateBinding: { host: '0.0.0.0', port: 8081 },
        raftBinding: { host: '0.0.0.0', port: 7000 },
        raftAdvertise: { host: '127.0.0.1', port: 7000 },
        opsBinding: null,
        clientDomain: null,
        nodeSecret: null,
      },
      node1: {
        publicBinding: { host: '0.0.0.0', port: 8082 },
        privateBinding: { host: '0.0.0.0', port: 8083 },
        raftBinding: { host: '0.0.0.0', port: 7001 },
        raftAdvertise: { host: '127.0.0.1', port: 7001 },
        opsBinding: null,
        clientDomain: null,
        nodeSecret: null,
      },
    })
    expect(config.insiHome).toBe('data/insi')
    expect(config.tls).toBeNull()
    expect(config.entityDefaults).toEqual({
      diskBytes: 1024 ** 3,
      memoryBytes: 250 * 1024 ** 2,
      eventsPerDay: 1_000_000,
      subscribers: 1_000,
      dataRequestsPerSecond: 1_000,
      eventRequestsPerSecond: 500,
    })
    expect(config.limits.keepAliveTimeoutMs).toBeGreaterThanOrEqual(90_000)
    expect(config.limits.valueSizeBytesMax).toBe(1024 ** 2)
  })

  test('in camelCase and the same file in snake_case give the same configuration', () => {
    const values = {
      cache: { 'standard-ttl': '5m0s', keys: '1h30m' },
      serverMustUseTLS: true,
      permittedIPs: ['10.0.0.0/8', '::1', '*'],
      sessions: { webSocketReadBufferSize: 8192 },
      entityDefaults: { disk: 'unlimited' },
      rateLimiters: { system: { limit: 0.5 } },
      raft: { electionTimeout: '1s' },
      tls: { cert: 'a.crt', key: 'a.key' },
      insiHome: '/var/lib/insi',
    }
    const inSnakeCase = (value: unknown): unknown =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).map(([key, member]) => [snakeCase(key), inSnakeCase(member)]))
        : value
    const camel = parse(singleNodeFile(SECRET_LINE, stringify(values))).config
    const snake = parse(singleNodeFile(SECRET_LINE, stringify(inSnakeCase(values)))).config
    expect(snake).toEqual(camel)
    expect(camel).toMatchObject({
      cache: { standardTtlMs: 300_000, keysMs: 5_400_000 },
      serverMustUseTls: true,
      permittedIps: ['10.0.0.0/8', '::1', '*'],
      sessions: { webSocketReadBufferSizeBytes: 8192 },
      entityDefaults: { diskBytes: null },
      rateLimiters: { system: { limit: 0.5, burst: 1 }, values: null },
      raft: { electionTimeoutMs: 1_000 },
      tls: { cert: 'a.crt', key: 'a.key' },
    })
  })

  test('may spell the default expiry with a dash, an underscore or in camelCase', () => {
    for (const spelling of ['standard-ttl', 'standard_ttl', 'standardTtl', 'standardTTL']) {
      expect(parse(singleNodeFile(SECRET_LINE, `cache: { ${spelling}: 90s }`)).config.cache.standardTtlMs).toBe(90_000)
    }
    expect(parse(singleNodeFile(SECRET_LINE, 'insid_home: elsewhere')).config.insiHome).toBe('elsewhere')
  })

  test('with one node needs no defaultLeader', () => {
    expect(parse(singleNodeFile(SECRET_LINE)).config.defaultLeader).toBe('node0')
  })

  test('may leave sections and options empty', () => {
    const { config } = parse(singleNodeFile(SECRET_LINE, 'tls:', 'logging:', '  level:', 'insiHome:'))
    expect(config.tls).toBeNull()
    expect(config.logging.level).toBe('info')
    expect(config.insiHome).toBe('data/insi')
  })

  test('may use anchors', () => {
    const { config } = parse(singleNodeFile(SECRET_LINE, 'trustedProxies: &all [10.0.0.0/8]', 'permittedIPs: *all'))
    expect(config.permittedIps).toEqual(['10.0.0.0/8'])
  })

  test('becomes an object that nobody can change', () => {
    const { config } = parse(singleNodeFile(SECRET_LINE))
    expect(() => {
      const limits = config.limits as { valueSizeBytesMax: number }
      limits.valueSizeBytesMax = 0
    }).toThrow(TypeError)
    expect(Object.isFrozen(config.nodes['node0']?.raftBinding)).toBe(true)
  })

  test('with a level that does not exist logs at info and says so', () => {
    const { config, warnings } = parse(singleNodeFile(SECRET_LINE, 'logging: { level: loud }'))
    expect(config.logging.level).toBe('info')
    expect(warnings).toEqual(['Unknown logging level: loud, defaulting to info'])
    expect(parse(singleNodeFile(SECRET_LINE, 'logging: { level: WARN }')).config.logging.level).toBe('warn')
  })

  test('of several machines warns of nodes that cannot be dialled', () => {
    const { warnings } = parse(snakeCaseSample(STRONG_SECRET))
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('node0, node1: raftBinding is every interface and raftAdvertise is not set')
  })

  test('may give nodes of different machines the same ports', () => {
    const node = (host: string): string =>
      `{publicBinding: ":8080", privateBinding: ":8081", raftBinding: ":7000", raftAdvertise: "${host}:7000"}`
    const text = `${SECRET_LINE}\ndefaultLeader: a-0\nnodes:\n  a-0: ${node('a-0.svc')}\n  a-1: ${node('a-1.svc')}\n`
    const { config, warnings } = parse(text)
    expect(warnings).toEqual([])
    expect(config.nodes['a-1']?.raftAdvertise).toEqual({ host: 'a-1.svc', port: 7000 })
  })
})

describe('the environment and flags', () => {
  test('stand above the file, flags above the environment', () => {
    const environment = {
      INSI_INSTANCE_SECRET: STRONG_SECRET,
      INSI_HOME: '/from/environment',
      INSI_LOGGING_LEVEL: 'debug',
      INSI_SERVER_MUST_USE_TLS: 'true',
      INSI_PERMITTED_IPS: '10.0.0.1, 10.0.0.2',
      INSI_CACHE_STANDARD_TTL: '2500',
      INSI_ENTITY_DEFAULTS_MEMORY: '1GiB',
      INSI_RATE_LIMITERS_SYSTEM_LIMIT: '7.5',
      INSI_ROOT_PREFIX: '',
      INSI_API_KEY: 'belongs to another program',
    }
    const settings = [
      { name: 'logging.level', text: 'error', flag: '--log-level' },
      { name: 'raft.election_timeout', text: '2s', flag: '--set raft.election_timeout' },
    ]
    const { config } = parse(singleNodeFile('insiHome: /from/file'), { environment, settings })
    expect(config).toMatchObject({
      instanceSecret: STRONG_SECRET,
      insiHome: '/from/environment',
      logging: { level: 'error' },
      serverMustUseTls: true,
      permittedIps: ['10.0.0.1', '10.0.0.2'],
      cache: { standardTtlMs: 2_500 },
      entityDefaults: { memoryBytes: 1024 ** 3 },
      rateLimiters: { system: { limit: 7.5, burst: 15 } },
      raft: { electionTimeoutMs: 2_000 },
      rootPrefix: 'root',
    })
  })

  test('name every option outside nodes exactly once', () => {
    const variables = optionsOf(CLUSTER).map((option) => option.environment)
    expect(variables.every((variable) => variable !== null && /^INSI_[A-Z0-9_]+$/.test(variable))).toBe(true)
    expect(new Set(variables).size).toBe(variables.length)
    expect(optionsOf(NODE).map((option) => option.environment)).toEqual(optionsOf(NODE).map(() => null))
  })

  test('no option has a spelling of another one', () => {
    for (const section of [CLUSTER, NODE]) {
      const count = [...section.members.keys()].reduce((sum, key) => sum + spellingsOf(key).length, 0)
      expect(section.spellings.size).toBe(count)
    }
  })
})

describe('files', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'insi-config-'))
  })
  afterEach(() => rm(directory, { recursive: true, force: true }))

  test('a secret may stand in a file that a variable names', async () => {
    const file = path.join(directory, 'cluster.yaml')
    const secretFile = path.join(directory, 'secret')
    await writeFile(file, singleNodeFile())
    await writeFile(secretFile, `${STRONG_SECRET}\n`)
    const environment = { INSI_INSTANCE_SECRET_FILE: secretFile }
    expect((await loadConfig({ path: file, environment })).config.instanceSecret).toBe(STRONG_SECRET)

    const both = loadConfig({ path: file, environment: { ...environment, INSI_INSTANCE_SECRET: STRONG_SECRET } })
    await expect(both).rejects.toThrow(/INSI_INSTANCE_SECRET_FILE: INSI_INSTANCE_SECRET is set as well/)
    const missing = loadConfig({ path: file, environment: { INSI_INSTANCE_SECRET_FILE: path.join(directory, 'no') } })
    await expect(missing).rejects.toThrow(/is unreadable \(ENOENT\)/)
  })

  test('a file that is missing or a directory is refused in words', async () => {
    await expect(loadConfig({ path: path.join(directory, 'no.yaml') })).rejects.toThrow(
      /config file is unreadable: it does not exist\n {2}Make one with: insid --new-cfg /,
    )
    await expect(loadConfig({ path: directory })).rejects.toThrow(/config file is unreadable: it is a directory/)
    await expect(loadConfig({ path: directory })).rejects.toBeInstanceOf(ConfigError)
  })
})
