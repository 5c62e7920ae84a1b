// Whose word about the cluster counts: a node that knows no leader is not believed while another one may know better.
import { connect } from '../../../src/client/client.ts'
import type { InsiClient } from '../../../src/client/client.ts'
import { ScriptedServer, apiError, closedPort, json } from './scripted-server.ts'
import type { Script } from './scripted-server.ts'

const open: (ScriptedServer | InsiClient)[] = []

async function serve(script: Script): Promise<ScriptedServer> {
  const server = await ScriptedServer.start(script)
  open.push(server)
  return server
}

function clientOf(...urls: string[]): InsiClient {
  const client = connect(urls, 'insi_key', { retry: { roundsMax: 1 }, timeoutMs: 2_000 })
  open.push(client)
  return client
}

function statusOf(leader: string | null, term: number): Script {
  const quorum = { voters: 1, size: 1, active: 1, margin: 0 }
  const state = leader === null ? 'no_quorum' : 'ok'
  const rest = { cluster_id: 'c', commit_index: 1, settled: true, quorum, members: [] }
  return () => json({ state, leader, term, ...rest })
}

afterEach(async () => {
  for (const one of open.splice(0)) await (one instanceof ScriptedServer ? one.stop() : one.close())
})

test('a node without a leader, asked first, does not hide the leader that another one knows', async () => {
  const removed = await serve(statusOf(null, 7))
  const leader = await serve(statusOf('node0', 8))
  const client = clientOf(removed.url, leader.url)
  expect(await client.cluster.status()).toMatchObject({ leader: 'node0', term: 8 })
  // From then on the one that knows is asked at once.
  expect(await client.cluster.status()).toMatchObject({ leader: 'node0' })
  expect(removed.requests).toHaveLength(1)
  expect(leader.requests).toHaveLength(2)
})

test('when no node knows a leader, the first answer tells what is known, however the others fail', async () => {
  const alone = await serve(statusOf(null, 7))
  const failing = await serve(() => apiError('ROUTE_NOT_FOUND'))
  const client = clientOf(alone.url, `http://127.0.0.1:${await closedPort()}`, failing.url)
  expect(await client.cluster.status()).toMatchObject({ state: 'no_quorum', leader: null, term: 7 })
})
