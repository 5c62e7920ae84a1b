// Watches against a real HTTP server that ends each at once: they begin again, tell of changes alone, and leave nothing behind.
import { getEventListeners } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemClock } from '../../../src/base/clock.ts'
import { silentLog } from '../../../src/base/log.ts'
import { watchFor } from '../../../src/reconciler/kube-watch.ts'
import { KubeConfig } from '../../../src/reconciler/kubernetes.ts'
import { eventually } from '../../support/eventually.ts'

const WATCHES = 4

test('a watch that ends begins again, tells of an object once a version, and leaves nothing on the signal', async () => {
  let watches = 0
  const server = createServer((_request, response) => {
    watches += 1
    const metadata = { uid: 'u', resourceVersion: watches <= WATCHES / 2 ? '1' : '2' }
    response.end(`${JSON.stringify({ type: 'ADDED', object: { metadata } })}\n`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const config = new KubeConfig()
  config.loadFromClusterAndUser(
    { name: 'c', server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, skipTLSVerify: true },
    { name: 'u' },
  )
  const stopping = new AbortController()
  let changes = 0
  const deps = { config, clock: systemClock, random: { int: () => 0 }, log: silentLog, signal: stopping.signal }
  const watching = watchFor(deps, '/api/v1/pods', {}, () => (changes += 1))
  try {
    await eventually('the watch began again and again', () => (watches > WATCHES ? true : undefined))
    expect(getEventListeners(stopping.signal, 'abort').length).toBeLessThanOrEqual(2)
    expect(changes).toBe(2)
  } finally {
    stopping.abort()
    await watching
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})
