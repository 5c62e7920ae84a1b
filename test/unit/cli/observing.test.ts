// The commands that look at running nodes: what they send and print.
import { ScriptedServer, apiError, json } from '../client/scripted-server.ts'
import { run } from './run.ts'
import type { Ran } from './run.ts'

let server: ScriptedServer
beforeAll(async () => {
  server = await ScriptedServer.start()
})
afterAll(() => server.stop())

async function insic(line: string): Promise<Ran> {
  server.requests.length = 0
  return run(line.split(' '), { INSI_PUBLIC_ADDRESS: server.address, INSI_INSTANCE_SECRET: 'please_change_this' })
}

test('log level shows the level of the node that answers, and changes it', async () => {
  server.script = () => json({ node_id: 'node1', level: 'info' })
  expect(await insic('--root log level')).toEqual({ code: 0, stdout: 'node1: info\n', stderr: '' })
  expect(server.requests[0]?.path).toBe('/db/api/v1/admin/log/get')
  expect((await insic('--root -o json log level debug')).stdout).toBe('{"node_id":"node1","level":"info"}\n')
  expect([server.requests[0]?.path, server.requests[0]?.body]).toEqual(['/db/api/v1/admin/log/set', { level: 'debug' }])
})

test('log level says which levels there are, and needs --root', async () => {
  server.script = () => apiError('INVALID_FIELD', { message: 'level must be one of debug, info, warn, error' })
  const ran = await insic('--root log level loud')
  expect([ran.code, ran.stderr.includes('must be one of debug, info, warn, error')]).toEqual([1, true])
  expect(
    (await run(['log', 'level'], { INSI_PUBLIC_ADDRESS: server.address, INSI_API_KEY: 'insi_a' })).stderr,
  ).toContain('requires --root flag')
})
