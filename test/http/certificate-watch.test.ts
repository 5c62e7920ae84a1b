// A certificate that is renewed while the node runs: new connections see it, open ones go on, and a broken one changes nothing.
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import https from 'node:https'
import os from 'node:os'
import path from 'node:path'
import { connect } from 'node:tls'
import { CERTIFICATE_CHECK_INTERVAL_MS, CertificateWatch } from '../../src/http/certificate-watch.ts'
import { makeCertificate } from '../support/certificates.ts'
import type { TestCertificate } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { HttpNode, ROOT_KEY } from '../support/http-node.ts'
import { RecordingLog } from '../support/recording-log.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const authority = makeCertificate()
const makeFor = (commonName: string): TestCertificate =>
  makeCertificate({ issuer: authority, hosts: ['localhost', '127.0.0.1'], commonName })

let directory = ''
let node: HttpNode
let watch: CertificateWatch
let clock: VirtualClock
let log: RecordingLog
let version = 0
const refusals: boolean[] = []

/** As the kubelet does: a new directory, then one rename of the link to it. */
async function mount({ cert, key }: TestCertificate): Promise<void> {
  const name = `..${++version}`
  await mkdir(path.join(directory, name))
  await writeFile(path.join(directory, name, 'tls.crt'), cert)
  await writeFile(path.join(directory, name, 'tls.key'), key)
  await symlink(name, path.join(directory, '..data_tmp'))
  await rename(path.join(directory, '..data_tmp'), path.join(directory, '..data'))
}

/** The name in the certificate that a new connection is shown. */
function shownBy(listener: 'public' | 'private'): Promise<string> {
  return new Promise((resolve, reject) => {
    const settings = { host: '127.0.0.1', port: node.port(listener), ca: authority.cert, servername: 'localhost' }
    const socket = connect(settings, () => {
      resolve(String(socket.getPeerCertificate().subject.CN))
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

function ping(agent: https.Agent): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const settings = {
      host: '127.0.0.1',
      port: node.port('public'),
      path: '/db/api/v1/ping',
      agent,
      ca: authority.cert,
    }
    https
      .get({ ...settings, servername: 'localhost', headers: { authorization: `Bearer ${ROOT_KEY}` } }, (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode))
      })
      .on('error', reject)
  })
}

beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'insi-certificate-'))
  for (const name of ['tls.crt', 'tls.key']) await symlink(path.join('..data', name), path.join(directory, name))
  const first = makeFor('first')
  await mount(first)
  node = await HttpNode.start({ tls: first })
  clock = new VirtualClock()
  log = new RecordingLog()
  refusals.length = 0
  watch = new CertificateWatch({
    files: { cert: path.join(directory, 'tls.crt'), key: path.join(directory, 'tls.key') },
    current: first,
    clock,
    log,
    use: (material) => {
      for (const { server } of [node.listeners.public, node.listeners.private]) server.useCertificate(material)
    },
    onRefused: (isRefused) => refusals.push(isRefused),
  })
})

afterEach(async () => {
  watch.stop()
  await node.stop()
  await rm(directory, { recursive: true })
})

test('within an interval both listeners show the new certificate, and a connection that is open goes on', async () => {
  watch.start()
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 })
  expect(await ping(agent)).toBe(200)
  const [open] = Object.values(agent.freeSockets).flat()
  await mount(makeFor('second'))
  clock.advance(CERTIFICATE_CHECK_INTERVAL_MS)
  await eventually('the new certificate is used', () => log.lines.find(({ level }) => level === 'info'))
  expect([await shownBy('public'), await shownBy('private')]).toEqual(['second', 'second'])
  expect(await ping(agent)).toBe(200)
  expect(Object.values(agent.freeSockets).flat()[0]).toBe(open)
  agent.destroy()
})

test('files that have not changed change nothing', async () => {
  await watch.check()
  await watch.check()
  expect([log.lines, refusals]).toEqual([[], []])
})

test.each([
  ['a key of another certificate', () => ({ cert: makeFor('other').cert, key: makeFor('another').key })],
  ['text that is no certificate', () => ({ cert: 'nothing of the kind', key: 'neither' })],
  ['a certificate that is cut', () => ({ cert: makeFor('cut').cert.slice(0, 200), key: makeFor('cut').key })],
])('%s: the certificate before is served, which is told once, and a good pair cures it', async (_what, broken) => {
  await mount(broken())
  for (let look = 0; look < 4; look++) await watch.check()
  expect(log.lines.map(({ level, message }) => [level, message])).toEqual([
    ['error', 'the certificate files cannot be used: the certificate before them is served'],
  ])
  expect([await shownBy('public'), refusals]).toEqual(['first', [true]])
  await mount(makeFor('third'))
  await watch.check()
  expect([await shownBy('public'), await shownBy('private'), refusals]).toEqual(['third', 'third', [true, false]])
})

test('a pair that was read while it was being written is not told as broken', async () => {
  const next = makeFor('next')
  await mount({ cert: next.cert, key: makeFor('old').key })
  await watch.check()
  await mount(next)
  await watch.check()
  expect([log.lines.map(({ level }) => level), refusals, await shownBy('public')]).toEqual([['info'], [], 'next'])
})

test('files that are gone for a while leave the certificate in use', async () => {
  await rm(path.join(directory, '..data'))
  await watch.check()
  await watch.check()
  expect([await shownBy('public'), refusals]).toEqual(['first', [true]])
})
