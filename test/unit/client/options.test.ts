// What a client can be made from, and what it never shows.
import { inspect } from 'node:util'
import { connect } from '../../../src/client/client.ts'
import { optionsFromEnvironment } from '../../../src/client/environment.ts'
import { ScriptedServer, json } from './scripted-server.ts'

test.each([
  ['no URL', ''],
  ['no scheme', 'localhost:8080'],
  ['another scheme', 'ftp://localhost'],
  ['credentials', 'http://user:secret@localhost'],
])('an endpoint with %s is refused', (_name, url) => {
  expect(() => connect(url, 'insi_key')).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
})

test.each(['', 'two words', 'line\nbreak', 'insi_\u00E4'])('the key %j is refused', (key) => {
  expect(() => connect('http://localhost:1', key)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
})

test('no endpoints are refused', () => {
  expect(() => connect([], 'insi_key')).toThrow('at least one endpoint is needed')
})

test.each(['', '/', '/db/api/v1', '/db/api/v1/'])('a base URL may end with %j', async (suffix) => {
  const server = await ScriptedServer.start(() => json({ data: 'v' }))
  const client = connect(server.url + suffix, 'insi_key')
  await client.values.get('k')
  expect(server.requests[0]?.path).toBe('/db/api/v1/get')
  client.close()
  await server.stop()
})

test('a base URL may have a path of its own', async () => {
  const server = await ScriptedServer.start(() => json({ data: 'v' }))
  const client = connect(`${server.url}/insi`, 'insi_key')
  await client.values.get('k')
  expect(server.requests[0]?.path).toBe('/insi/db/api/v1/get')
  client.close()
  await server.stop()
})

test('administration goes to the private URL, everything else to the public one', async () => {
  const [publicServer, privateServer] = [await ScriptedServer.start(), await ScriptedServer.start()]
  publicServer.script = () => json({ data: 'v' })
  privateServer.script = () => json({ key_name: 'a', key: 'insi_a' })
  const client = connect({ publicUrl: publicServer.url, privateUrl: privateServer.url }, 'root_key')
  await client.values.get('k')
  await client.keys.create('a')
  expect([publicServer.requests.length, privateServer.requests.length]).toEqual([1, 1])
  client.close()
  await publicServer.stop()
  await privateServer.stop()
})

test('neither a client nor its errors show the key', async () => {
  const server = await ScriptedServer.start(() => ({ status: 500, text: 'failed' }))
  const client = connect(server.url, 'insi_very-secret', { retry: { roundsMax: 1 } })
  const error = await client.values.set('k', 'v').catch((failure: unknown) => failure)
  expect(inspect([client, error], { depth: 10, showHidden: true })).not.toContain('very-secret')
  expect(JSON.stringify([client, error])).not.toContain('very-secret')
  client.close()
  await server.stop()
})

test('options come from environment variables', () => {
  expect(
    optionsFromEnvironment({
      INSI_ENDPOINTS_LIST: 'https://a:1, https://b:2,',
      INSI_API_KEY: 'insi_k',
      INSI_SKIP_VERIFY: 'true',
    }),
  ).toEqual({
    endpoints: [{ publicUrl: 'https://a:1' }, { publicUrl: 'https://b:2' }],
    apiKey: 'insi_k',
    skipVerify: true,
  })
  expect(() => optionsFromEnvironment({ INSI_API_KEY: 'insi_k' })).toThrow('INSI_ENDPOINTS_LIST is not set')
  expect(() => optionsFromEnvironment({ INSI_ENDPOINTS_LIST: 'https://a:1' })).toThrow('INSI_API_KEY is not set')
})
