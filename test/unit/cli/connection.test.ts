// Where insic connects, with which key, and what it says when that cannot work.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { INSI_HOME_DEFAULT, readClusterFile } from '../../../src/cli/cluster-file.ts'
import { urlOf } from '../../../src/cli/connection.ts'
import { clusterSchema } from '../../../src/config/schema.ts'
import { rootKeyOf } from '../../../src/contract/root-key.ts'
import { ScriptedServer, closedPort, json } from '../client/scripted-server.ts'
import { TIME, run } from './run.ts'

const SECRET = 'please_change_this'
const PING = json({ entity: 'app', leader: '', 'node-badge-id': 'b', status: 'ok', uptime: '1s' })

let folder: string
let servers: ScriptedServer[]

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'insic-'))
  servers = [await ScriptedServer.start(() => PING), await ScriptedServer.start(() => PING)]
})
afterAll(async () => {
  for (const server of servers) await server.stop()
  await rm(folder, { recursive: true })
})
beforeEach(() => {
  for (const server of servers) {
    server.requests.length = 0
    server.script = () => PING
  }
})

async function write(name: string, lines: readonly string[]): Promise<string> {
  const file = path.join(folder, name)
  await writeFile(file, lines.join('\n'))
  return file
}

async function clusterOf(ports: readonly number[]): Promise<string> {
  const nodes = ports.map(
    (port, at) => `  node${at}: { public_binding: "0.0.0.0:${port}", private_binding: "0.0.0.0:${port}" }`,
  )
  return write('cluster.yaml', [`instance_secret: "${SECRET}"`, 'default_leader: "node0"', 'nodes:', ...nodes])
}

function requestCounts(): number[] {
  return servers.map((server) => server.requests.length)
}

describe('config mode', () => {
  test('asks the default leader, in snake_case and behind 0.0.0.0', async () => {
    const config = await clusterOf(servers.map((server) => server.port))
    expect((await run(['--config', config, '--root', 'ping'])).code).toBe(0)
    expect(requestCounts()).toEqual([1, 0])
    expect(servers[0]?.requests[0]?.headers.authorization).toBe(rootKeyOf(SECRET))
  })

  test('goes on to the other nodes when the default leader cannot be reached', async () => {
    const config = await clusterOf([await closedPort(), servers[1]?.port ?? 0])
    expect((await run(['--config', config, '--root', 'ping'])).code).toBe(0)
    expect(requestCounts()).toEqual([0, 1])
  })

  test('asks the target and nobody else', async () => {
    const ports = servers.map((server) => server.port)
    expect((await run(['--config', await clusterOf(ports), '--target', 'node1', '--root', 'ping'])).code).toBe(0)
    expect(requestCounts()).toEqual([0, 1])
    const config = await clusterOf([await closedPort(), servers[1]?.port ?? 0])
    expect((await run(['--config', config, '--target', 'node0', '--root', 'ping'])).code).toBe(1)
    expect(requestCounts()).toEqual([0, 1])
  })

  test('follows no redirect with a target', async () => {
    const config = await clusterOf(servers.map((server) => server.port))
    const location = `http://127.0.0.1:${servers[1]?.port}/db/api/v1/ping`
    servers[0]!.script = () => ({ status: 307, headers: { location }, text: '' })
    expect((await run(['--config', config, '--target', 'node0', '--root', 'ping'])).stderr).toContain(
      'redirects are disabled',
    )
    expect((await run(['--config', config, '--root', 'ping'])).code).toBe(0)
  })

  test('makes a first key with the file alone', async () => {
    const config = await clusterOf(servers.map((server) => server.port))
    servers[0]!.script = () => json({ key_name: 'myapp', key: 'insi_new' })
    const ran = await run(['--config', config, 'admin', 'create-key', 'myapp'])
    expect(ran.stdout).toBe('API Key Name: myapp\nAPI Key:      insi_new\nOK\n')
    expect(servers[0]?.requests[0]?.headers.authorization).toBe(rootKeyOf(SECRET))
  })

  test('takes the environment before the file, as the server does', async () => {
    const config = await clusterOf(servers.map((server) => server.port))
    const secretFile = await write('secret', ['from-file', ''])
    const keyWith = async (environment: Record<string, string>): Promise<string> =>
      (await run(['--config', config, 'root-key'], environment)).stdout.trim()
    expect(await keyWith({})).toBe(rootKeyOf(SECRET))
    expect(await keyWith({ INSI_INSTANCE_SECRET: 'other' })).toBe(rootKeyOf('other'))
    expect(await keyWith({ INSI_INSTANCE_SECRET_FILE: secretFile })).toBe(rootKeyOf('from-file'))
    expect((await run(['--config', config, '--root', 'ping'], { INSI_DEFAULT_LEADER: 'node1' })).code).toBe(0)
    expect(requestCounts()).toEqual([0, 1])
  })
})

describe('what keeps it from starting', () => {
  const failed = (message: string, detail: string): string =>
    `${TIME} level=ERROR msg="${message}" error=${JSON.stringify(detail)}`
  const CONFIG_FAILED = 'Failed to initialize API client from config'
  const DIRECT_FAILED = 'Failed to initialize API client without config'

  test('no key', async () => {
    const config = await clusterOf([1])
    const ran = await run(['--config', config, 'get', 'k'])
    expect(ran).toMatchObject({ code: 1, stdout: '' })
    expect(ran.stderr).toContain(failed(CONFIG_FAILED, 'apiKey is empty and --root flag is not set'))
    expect(ran.stderr).toContain('hint="set INSI_API_KEY to your key')
  })

  test('a target that is no node', async () => {
    const ran = await run(['--config', await clusterOf([1]), '--target', 'node9', '--root', 'ping'])
    expect(ran.stderr).toContain(failed(CONFIG_FAILED, "node ID 'node9' not found in configuration"))
    expect(ran.stderr).toContain('hint="the configuration has node0"')
  })

  test('a file without nodes, and one without a secret', async () => {
    const noNodes = await write('none.yaml', ['instanceSecret: x'])
    expect((await run(['--config', noNodes, '--root', 'ping'])).stderr).toContain(
      failed(CONFIG_FAILED, 'targetNodeID is empty and no DefaultLeader is set in config'),
    )
    const noSecret = await write('secretless.yaml', ['nodes: {}'])
    expect((await run(['--config', noSecret, 'root-key'])).stderr).toContain(
      failed(CONFIG_FAILED, 'instanceSecret is missing in config'),
    )
  })

  test('a file that does not exist, that is no YAML, or that is no map', async () => {
    const missing = await run(['--config', `${folder}/missing.yaml`, '--root', 'ping'])
    expect(missing.code).toBe(1)
    expect(missing.stderr).toMatch(
      /msg="Failed to load cluster configuration" error="failed to read config file .*ENOENT/,
    )
    const broken = await write('broken.yaml', ['instanceSecret: "very-secret', 'nodes: ['])
    const ran = await run(['--config', broken, '--root', 'ping'])
    expect(ran.stderr).toContain(`error="failed to unmarshal config data from ${broken}: line `)
    expect(ran.stderr).not.toContain('very-secret')
    const list = await write('list.yaml', ['- a'])
    expect((await run(['--config', list, 'root-key'])).stderr).toContain('it is not a map of options')
  })

  test('direct mode without a key or without a secret', async () => {
    expect((await run(['--public', 'localhost:1', 'ping'])).stderr).toContain(
      failed(DIRECT_FAILED, 'INSI_API_KEY environment variable is not set and --root flag is not provided'),
    )
    expect((await run(['--public', 'localhost:1', '--root', 'ping'], { INSI_API_KEY: 'insi_k' })).stderr).toContain(
      failed(DIRECT_FAILED, 'INSI_INSTANCE_SECRET environment variable is required when using --root without config'),
    )
  })

  test('an address that is none, and a key that cannot be sent', async () => {
    const at = (address: string, key: string) => run(['--public', address, 'ping'], { INSI_API_KEY: key })
    expect((await at('http://', 'insi_k')).stderr).toContain(failed(DIRECT_FAILED, 'not an http or https URL: http://'))
    expect((await at('localhost:1', 'two words')).stderr).toContain(`msg="${DIRECT_FAILED}"`)
    expect((await at('localhost:1', 'two words')).stderr).not.toContain('two words')
  })

  test('direct mode together with a configuration', async () => {
    const line = 'Error: Cannot use --config flag with --public/--private or INSI_PUBLIC_ADDRESS/INSI_PRIVATE_ADDRESS\n'
    const environment = { INSI_PRIVATE_ADDRESS: 'localhost:1', INSI_API_KEY: 'insi_k' }
    expect(await run(['--config', 'other.yaml', 'ping'], environment)).toEqual({ code: 1, stdout: '', stderr: line })
  })

  test('is told as JSON with -o json', async () => {
    const ran = await run(['-o', 'json', '--public', 'localhost:1', 'ping'])
    expect(JSON.parse(ran.stderr)).toMatchObject({ error_type: 'NOT_CONFIGURED' })
  })
})

describe('direct mode', () => {
  test('flags go before the environment, and one address serves for both', async () => {
    const environment = {
      INSI_PUBLIC_ADDRESS: servers[0]?.address ?? '',
      INSI_API_KEY: 'insi_k',
      INSI_INSTANCE_SECRET: SECRET,
    }
    await run(['--public', servers[1]?.address ?? '', 'ping'], environment)
    expect(requestCounts()).toEqual([0, 1])
    await run(['--root', 'admin', 'insight', 'entities'], environment)
    expect(requestCounts()).toEqual([1, 1])
  })

  test.each([
    ['127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['localhost:8080', 'http://localhost:8080'],
    ['[::1]:8080', 'http://[::1]:8080'],
    ['localhost', 'https://localhost'],
    ['localhost:443', 'https://localhost:443'],
    ['db.example.com:8080', 'https://db.example.com:8080'],
    ['10.0.0.5', 'https://10.0.0.5'],
    ['http://db.example.com:8080', 'http://db.example.com:8080'],
    ['https://localhost:8080', 'https://localhost:8080'],
  ])('%s means %s', (address, url) => {
    expect(urlOf(address, { skipVerify: false })).toBe(url)
  })

  test('a loopback address means TLS when INSI_SKIP_VERIFY says that there is a certificate', () => {
    expect(urlOf('127.0.0.1:8080', { skipVerify: true })).toBe('https://127.0.0.1:8080')
  })
})

describe('a file with TLS', () => {
  const NODE = '  node0: { publicBinding: "10.0.0.5:1", privateBinding: ":2", clientDomain: db.example.com }'

  test('means https by the client domain, and trusts the configured certificate', async () => {
    const file = await write('tls.yaml', ['tls: { cert: a.crt, key: a.key }', 'nodes:', NODE])
    expect(await readClusterFile(file, {})).toMatchObject({
      skipVerify: false,
      certificatePaths: ['a.crt'],
      defaultLeader: 'node0',
    })
    expect((await readClusterFile(file, {})).endpoints.get('node0')).toEqual({
      publicUrl: 'https://db.example.com:1',
      privateUrl: 'https://db.example.com:2',
    })
  })

  test('without configured files trusts what the nodes made for themselves', async () => {
    const file = await write('tls.yaml', ['server_must_use_tls: true', 'client_skip_verify: true', 'nodes:', NODE])
    expect(await readClusterFile(file, {})).toMatchObject({
      skipVerify: true,
      certificatePaths: [`${INSI_HOME_DEFAULT}/node0/tls/server.crt`],
    })
    expect((await readClusterFile(file, { INSI_HOME: '/var/x' })).certificatePaths).toEqual([
      '/var/x/node0/tls/server.crt',
    ])
  })

  test('has the data directory of the server when it names none', () => {
    expect(clusterSchema.shape.insiHome.parse(undefined)).toBe(INSI_HOME_DEFAULT)
  })
})
