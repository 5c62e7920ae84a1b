// What becomes of a backup whose node does not bring it to an end.
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, get } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { SILENCE_MAX_MS, endingOnSilence } from '../../../src/archive/silence.ts'
import { systemClock } from '../../../src/base/clock.ts'
import type { Clock } from '../../../src/base/clock.ts'
import { encodeManifest } from '../../../src/contract/backup-stream.ts'
import { eventually } from '../../support/eventually.ts'
import { run } from './run.ts'
import type { Ran } from './run.ts'

const MANIFEST = encodeManifest({
  clusterId: '0ea36cf1-0000-4000-8000-000000000000',
  nodeId: 'node0',
  insiVersion: '1.0.0',
  commandVersion: 1,
  createdAt: '2026-11-23T09:15:00.000Z',
  index: 7,
  term: 1,
})

let server: Server
let directory: string
let answers: ServerResponse[]
beforeEach(async () => {
  answers = []
  directory = await mkdtemp(path.join(tmpdir(), 'insic-backup-'))
  server = createServer((_request, response) => {
    answers.push(response)
    response.writeHead(200, { 'content-type': 'application/octet-stream' })
    response.flushHeaders()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(directory, { recursive: true })
})

const addressOf = (): string => `127.0.0.1:${(server.address() as AddressInfo).port}`

function backup(options: Parameters<typeof run>[2] = {}): Promise<Ran> {
  const address = addressOf()
  const environment = { INSI_PUBLIC_ADDRESS: address, INSI_PRIVATE_ADDRESS: address, INSI_INSTANCE_SECRET: 'secret' }
  return run(['--root', 'cluster', 'backup', `${directory}/`], environment, options)
}

const answer = (): Promise<ServerResponse> => eventually('the node is asked', () => answers[0])

/** Lets the time of silence pass at once, and nothing else. */
const impatient: Clock['after'] = (delayMs, callback, options) =>
  systemClock.after(delayMs === SILENCE_MAX_MS ? 50 : delayMs, callback, options)

test.each(['before its first byte', 'in the middle'])('a node that goes silent %s is given up', async (when) => {
  const body = await new Promise<IncomingMessage>((resolve) => {
    // As the client's own does: the body tells it, too.
    get(`http://${addressOf()}/`, resolve).on('error', () => {})
  })
  if (when === 'in the middle') (await answer()).write(MANIFEST)
  let sizeBytes = 0
  const read = async (): Promise<void> => {
    for await (const chunk of endingOnSilence(body, { after: impatient }, new AbortController().signal)) {
      sizeBytes += chunk.length
    }
  }
  await expect(read()).rejects.toThrow('the node has sent nothing for 60 s: no backup was made')
  expect([sizeBytes, body.destroyed]).toEqual([when === 'in the middle' ? MANIFEST.length : 0, true])
})

test('a node that is stopped meanwhile fails the command, and no file is left', async () => {
  const ran = backup()
  const response = await answer()
  response.write(MANIFEST)
  await eventually('it is being written', async () => ((await readdir(directory)).length > 0 ? true : undefined))
  response.destroy()
  expect(await ran).toEqual({
    code: 1,
    stdout: '',
    stderr: 'Error: the node broke off the backup; its log says why: no backup was made\n',
  })
  expect(await readdir(directory)).toEqual([])
})

test('a person sees how far it is, and nothing of that once it is over', async () => {
  let seen = ''
  const ran = backup({ watch: (stderr) => (seen = stderr) })
  const response = await answer()
  response.write(MANIFEST)
  await eventually('progress is seen', () => (seen.includes('MiB before compression') ? true : undefined))
  response.destroy()
  const { stderr } = await ran
  const clear = '\r\u001B[K'
  expect(stderr).toContain(`${clear}0.0 MiB before compression, 0.0 MiB/s`)
  expect(stderr).toContain(`${clear}Error: `)
})

test('an answer that ends too early is no backup', async () => {
  const ran = backup()
  ;(await answer()).end(MANIFEST)
  expect(await ran).toMatchObject({ code: 1, stderr: expect.stringContaining('it is not complete') })
  expect(await readdir(directory)).toEqual([])
})

test('it can be interrupted while the node says nothing', async () => {
  const interruption = new AbortController()
  const ran = backup({ interruption: interruption.signal })
  const response = await answer()
  await eventually('the head is sent', () => (response.headersSent ? true : undefined))
  interruption.abort()
  expect(await ran).toMatchObject({ code: 1, stderr: expect.stringContaining('interrupted: no backup was made') })
})
