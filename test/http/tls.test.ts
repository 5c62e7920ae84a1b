import { mkdtemp, rm } from 'node:fs/promises'
import https from 'node:https'
import os from 'node:os'
import path from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { parseConfig } from '../../src/config/load.ts'
import { loadCertificate } from '../../src/http/certificate.ts'
import { HttpNode, ROOT_KEY } from '../support/http-node.ts'

const CONFIG = `
instanceSecret: a-secret-for-tests-that-is-long-enough-0123456789
serverMustUseTLS: true
nodes:
  node0: { publicBinding: 127.0.0.1:1, privateBinding: 127.0.0.1:2, raftBinding: 127.0.0.1:3, clientDomain: insi.example }
`
let directory: string
beforeAll(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'insi-tls-'))
})
afterAll(() => rm(directory, { recursive: true }))

test('with a certificate both listeners speak HTTPS, and ops stays plain', async () => {
  const { config } = parseConfig(CONFIG, { path: 'cluster.yaml' })
  const tls = await loadCertificate(config, directory, systemClock)
  if (tls === null) throw new Error('a certificate is made when TLS is required')
  expect(await loadCertificate(config, directory, systemClock)).toEqual(tls)
  const node = await HttpNode.start({ tls })
  const statusOf = (port: number, url: string, servername: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const headers = { authorization: ROOT_KEY }
      const settings = { host: '127.0.0.1', port, path: url, headers, ca: tls.cert, servername, agent: false as const }
      https
        .get(settings, (response) => {
          response.resume()
          response.on('end', () => resolve(response.statusCode))
        })
        .on('error', reject)
    })
  expect(await statusOf(node.port('public'), '/db/api/v1/ping', 'localhost')).toBe(200)
  expect(await statusOf(node.port('private'), '/livez', 'insi.example')).toBe(200)
  expect((await node.call('ops', '/livez')).status).toBe(200)
  await expect(node.call('public', '/db/api/v1/ping')).rejects.toThrow()
  await node.stop()
})
