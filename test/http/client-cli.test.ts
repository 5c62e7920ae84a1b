// insic against the real listeners, services and state of a node, over a cluster.yaml and over addresses.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { makeCertificate } from '../support/certificates.ts'
import { HttpNode, ROOT_KEY, SECRET } from '../support/http-node.ts'
import { run } from '../unit/cli/run.ts'
import type { Ran } from '../unit/cli/run.ts'

let folder: string
let node: HttpNode
let config: string
let key: string

async function writeConfig(name: string, of: HttpNode, lines: readonly string[] = []): Promise<string> {
  const file = path.join(folder, name)
  const bindings = `{ publicBinding: "127.0.0.1:${of.port('public')}", privateBinding: "127.0.0.1:${of.port('private')}" }`
  await writeFile(file, [`instanceSecret: ${SECRET}`, ...lines, 'nodes:', `  node0: ${bindings}`].join('\n'))
  return file
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'insic-node-'))
  node = await HttpNode.start()
  config = await writeConfig('cluster.yaml', node)
})
afterAll(async () => {
  await node.stop()
  await rm(folder, { recursive: true })
})

/** Runs a line, split at blanks, with the tenant's key. */
async function insic(line: string): Promise<Ran> {
  return run(['--config', config, ...line.split(' ')], key === undefined ? {} : { INSI_API_KEY: key })
}

async function printed(line: string): Promise<string> {
  const ran = await insic(line)
  if (ran.code !== 0) throw new Error(`insic ${line} exited ${ran.code}: ${ran.stderr}`)
  return ran.stdout
}

async function failed(line: string): Promise<string> {
  const ran = await insic(line)
  expect(ran.code).toBe(1)
  return `${ran.stderr}${ran.stdout}`.trimEnd().split('\n').at(-1) ?? ''
}

async function fieldAfter(line: string, label: string): Promise<string> {
  const found = (await printed(line)).split('\n').find((one) => one.includes(label))
  return found?.split(/\s+/)[2] ?? ''
}

test('the first key needs nothing but the configuration, and is the third field of its line', async () => {
  key = await fieldAfter('admin create-key myapp', 'API Key:')
  expect(key).toMatch(/^insi_/)
  expect(await printed('ping')).toMatch(/^Ping Response:\n(.*\n)* {2}entity: myapp\n/)
})

test('values', async () => {
  expect(await printed('set user Alice')).toBe('OK\n')
  expect(await printed('get user')).toBe('Alice\n')
  expect(await failed('setnx user Bob')).toBe("Conflict: Key 'user' already exists.")
  expect(await printed('setnx user2 Bob')).toBe('OK\n')
  expect(await printed('cas user Alice Carol')).toBe('OK\n')
  expect(await failed('cas user Alice Dave')).toMatch(/^Conflict: Compare-and-swap failed for key 'user'\./)
  expect(await failed('cas none a b')).toMatch(/^Conflict: /)
  expect(await printed('iterate prefix user')).toBe('user\nuser2\n')
  expect(await printed('iterate prefix user 1 1')).toBe('user2\n')
  expect(await printed('iterate prefix nobody')).toBe('')
  expect(await printed('bump visits 5')).toBe('OK\n')
  expect(await printed('bump visits -10')).toBe('OK\n')
  expect(await printed('get visits')).toBe('0\n')
  expect(await failed('bump user 1')).toMatch(/^Error: .*The existing value is not a valid integer, cannot bump\.$/)
  expect(await printed('delete user')).toBe('OK\n')
  expect(await printed('delete user')).toBe('OK\n')
  expect(await failed('get user')).toBe("Error: Key 'user' not found.")
})

test('the cache', async () => {
  expect(await printed('cache set a 1')).toBe('OK\n')
  expect(await printed('cache get a')).toBe('1\n')
  expect(await failed('cache setnx a 2')).toBe("Conflict: Key 'a' already exists in cache.")
  expect(await failed('cache cas a 2 3')).toBe("Precondition Failed: Cache compare-and-swap failed for key 'a'.")
  expect(await printed('cache cas a 1 3')).toBe('OK\n')
  expect(await printed('cache iterate prefix a')).toBe('a\n')
  expect(await printed('cache delete a')).toBe('OK\n')
  expect(await failed('cache get a')).toBe("Error: Key 'a' not found in cache.")
})

test('keys and limits', async () => {
  const other = await fieldAfter('--root api add other', 'API Key:')
  expect(await printed(`api verify ${other}`)).toMatch(/^API Key Verified Successfully!\nPing Response:\n/)
  expect(await printed(`--root api set-limits ${other} --disk 10`)).toBe('OK\n')
  expect(await printed(`--root api limits ${other}`)).toMatch(
    /^Limits for key insi_.*\nMaximum Limits:\n {2}Bytes on Disk: {5}10\n/,
  )
  expect(await failed(`api limits ${other}`)).toBe('Error: api limits <key_value> requires --root flag.')
  const over = await run(['--config', config, 'set', 'k', '0123456789'], { INSI_API_KEY: other })
  expect(over.stderr).toMatch(/\nError: disk limit exceeded: .*\. Current: 0, Limit: 10\n$/)
  expect(await printed('--root admin insight entities')).toContain(`  Root API Key:    ${other}\n`)
  expect(await printed(`--root api delete ${other}`)).toBe('OK\n')
  expect(await failed(`api verify ${other}`)).toBe('Verification FAILED')
  expect(await failed(`--root api limits ${other}`)).toBe('Error: api key not found')
})

test('aliases', async () => {
  expect(await printed('alias list')).toBe('No aliases found for the current key.\n')
  const alias = await fieldAfter('alias add', 'Alias Key:')
  expect(await printed('alias list')).toBe(`Aliases:\n  - ${alias}\n`)
  expect(await printed(`--root admin insight entity-by-alias ${alias}`)).toContain(`  Root API Key:    ${key}\n`)
  expect(await printed(`--root admin insight entity ${key}`)).toContain(`  Aliases:\n    - ${alias}\n`)
  const ofAlias = await run(['--config', config, 'alias', 'add'], { INSI_API_KEY: alias })
  expect(ofAlias.stderr).toContain('Cannot create an alias from an alias key')
  expect(await failed('--root alias add')).toContain('Cannot set alias for root key')
  expect(await printed(`alias delete ${alias}`)).toBe('OK\n')
})

test('root-key prints what the node accepts', async () => {
  expect(await printed('root-key')).toBe(`${ROOT_KEY}\n`)
})

test('a wrong key is told where keys come from', async () => {
  const wrong = await run(['--config', config, 'ping'], { INSI_API_KEY: 'insi_wrong' })
  expect(wrong.stderr).toContain('hint="INSI_API_KEY is not a key of this cluster, or no longer"')
  const wrongRoot = await run(['--config', config, '--root', 'ping'], { INSI_INSTANCE_SECRET: 'another-secret' })
  expect(wrongRoot.stderr).toContain('hint="the instance secret is not that of this cluster"')
})

test('operation rates, as a table of two decimals', async () => {
  const line = /^Operations Per Second:\n {2}System: +\d+\.\d\d\n {2}Value Store: +\d+\.\d\d\n(.+\n){4}$/
  expect(await printed('--root admin ops')).toMatch(line)
  expect(Object.keys(JSON.parse(await printed('--root -o json admin ops')) as object)).toHaveLength(6)
})

test('by addresses, in direct mode', async () => {
  const environment = { INSI_API_KEY: key, INSI_INSTANCE_SECRET: SECRET }
  const addresses = ['--public', `127.0.0.1:${node.port('public')}`, '--private', `127.0.0.1:${node.port('private')}`]
  expect((await run([...addresses, 'ping'], environment)).code).toBe(0)
  expect((await run([...addresses, '--root', 'admin', 'insight', 'entities'], environment)).stdout).toContain(key)
})

test('over TLS: a configured certificate on this machine is trusted, another one is not', async () => {
  const certificate = makeCertificate({ commonName: 'node', hosts: ['127.0.0.1'] })
  const secure = await HttpNode.start({ tls: certificate })
  const certPath = path.join(folder, 'server.crt')
  await writeFile(certPath, certificate.cert)
  const tls = `tls: { cert: "${certPath}", key: "unused.key" }`
  const trusting = await writeConfig('trusting.yaml', secure, [tls])
  expect((await run(['--config', trusting, '--root', 'ping'])).stderr).toBe('')
  const strict = await writeConfig('strict.yaml', secure, ['serverMustUseTLS: true', `insiHome: ${folder}/none`])
  expect((await run(['--config', strict, '--root', 'ping'])).stderr).toMatch(/Error: .*certificate/)
  const skipping = await writeConfig('skipping.yaml', secure, ['serverMustUseTLS: true', 'clientSkipVerify: true'])
  expect((await run(['--config', skipping, '--root', 'ping'])).code).toBe(0)
  const address = `127.0.0.1:${secure.port('public')}`
  const direct = { INSI_API_KEY: ROOT_KEY, INSI_SKIP_VERIFY: 'true' }
  expect((await run(['--public', address, 'ping'], direct)).code).toBe(0)
  await secure.stop()
})
