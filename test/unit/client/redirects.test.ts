// Redirects: followed to configured endpoints, and never anywhere else with the key.
import { connect } from '../../../src/client/client.ts'
import { ScriptedServer, empty, json } from './scripted-server.ts'

let first: ScriptedServer
let second: ScriptedServer

beforeAll(async () => {
  first = await ScriptedServer.start()
  second = await ScriptedServer.start()
})
afterAll(async () => {
  await first.stop()
  await second.stop()
})
beforeEach(() => {
  first.requests.length = 0
  second.requests.length = 0
  second.script = () => empty()
})

function redirectTo(location: string | undefined, status = 307) {
  return () => ({ status, text: '', ...(location === undefined ? {} : { headers: { location } }) })
}

test.each([301, 302, 303, 307, 308])(
  '%i to a configured endpoint re-sends method, headers and body',
  async (status) => {
    first.script = redirectTo(`${second.url}/db/api/v1/set`, status)
    const client = connect([first.url, second.url], 'insi_key')
    await client.values.set('k', 'v')
    expect(second.requests).toMatchObject([
      {
        method: 'POST',
        path: '/db/api/v1/set',
        body: { key: 'k', value: 'v' },
        headers: { authorization: 'insi_key' },
      },
    ])
    client.close()
  },
)

test('a relative Location is followed', async () => {
  first.script = ({ path }) => (path === '/moved' ? json({ data: 'v' }) : { ...redirectTo('/moved')() })
  const client = connect(first.url, 'insi_key')
  expect(await client.values.get('k')).toBe('v')
  client.close()
})

test('the key is not sent to an address that was not configured', async () => {
  first.script = redirectTo(`${second.url}/db/api/v1/get`)
  const client = connect(first.url, 'insi_key')
  await expect(client.values.get('k')).rejects.toMatchObject({ code: 'REDIRECT_REFUSED' })
  expect(second.requests).toEqual([])
  client.close()
})

test('another host with the same port is another address', async () => {
  first.script = redirectTo(`http://localhost:${first.port}/db/api/v1/get`)
  const client = connect(first.url, 'insi_key')
  await expect(client.values.get('k')).rejects.toMatchObject({ code: 'REDIRECT_REFUSED' })
  expect(first.requests).toHaveLength(1)
  client.close()
})

test('a redirect without Location is refused', async () => {
  first.script = redirectTo(undefined)
  const client = connect(first.url, 'insi_key')
  await expect(client.values.get('k')).rejects.toMatchObject({ code: 'REDIRECT_REFUSED' })
  client.close()
})

test('a circle of redirects ends after five requests', async () => {
  first.script = redirectTo('/db/api/v1/get')
  const client = connect(first.url, 'insi_key')
  await expect(client.values.get('k')).rejects.toThrow(
    `stopped after 5 redirects, last URL: ${first.url}/db/api/v1/get`,
  )
  expect(first.requests).toHaveLength(5)
  client.close()
})

test('without followRedirects none is followed', async () => {
  first.script = redirectTo(`${second.url}/db/api/v1/get`)
  const client = connect([first.url, second.url], 'insi_key', { followRedirects: false })
  await expect(client.values.get('k')).rejects.toThrow(
    'request redirected with status 307 but redirects are disabled in direct connection mode',
  )
  client.close()
})
