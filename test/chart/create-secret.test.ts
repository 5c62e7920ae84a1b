// The script of the Job that creates the instance secret, against a server that answers as the API server does.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'

const SCRIPT = readFileSync(path.resolve(import.meta.dirname, '../../charts/insi/files/create-secret.mjs'), 'utf8')
const TOKEN = 'a-token-of-a-test'

interface Posted {
  readonly url: string | undefined
  readonly authorization: string | undefined
  readonly body: { readonly metadata: unknown; readonly stringData: Readonly<Record<string, string>> }
}

let folder = ''
let server: Server
const posted: Posted[] = []
const answers: { readonly status: number; readonly body: object }[] = []

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'insi-create-secret-'))
  await writeFile(path.join(folder, 'token'), `${TOKEN}\n`)
  posted.length = 0
  answers.length = 0
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Posted['body']
      posted.push({ url: request.url, authorization: request.headers.authorization, body })
      const answer = answers.shift() ?? { status: 500, body: {} }
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(folder, { recursive: true, force: true })
})

function runScript(): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    const env = {
      API_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      NAMESPACE: 'space',
      SECRET_NAME: 'insi',
      SECRET_KEY: 'instanceSecret',
      SECRET_LABELS: '{"app":"insi"}',
      TOKEN_FILE: path.join(folder, 'token'),
    }
    execFile(process.execPath, ['--input-type=module', '--eval', SCRIPT], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr })
    })
  })
}

describe('the script that creates the instance secret', () => {
  test('creates one that is long and random, and does not print it', async () => {
    answers.push({ status: 201, body: {} }, { status: 201, body: {} })
    const results = [await runScript(), await runScript()]
    expect(results.map(({ code }) => code)).toEqual([0, 0])
    expect(posted[0]).toMatchObject({
      url: '/api/v1/namespaces/space/secrets',
      authorization: `Bearer ${TOKEN}`,
      body: { metadata: { name: 'insi', namespace: 'space', labels: { app: 'insi' } } },
    })
    const secrets = posted.map(({ body }) => body.stringData['instanceSecret'] ?? '')
    expect(new Set(secrets).size).toBe(2)
    for (const secret of secrets) {
      expect(Buffer.from(secret, 'base64')).toHaveLength(48)
      expect(results.map(({ output }) => output).join('')).not.toContain(secret)
    }
  })

  test('leaves one alone that is there', async () => {
    answers.push({ status: 409, body: { reason: 'AlreadyExists', message: 'secrets "insi" already exists' } })
    expect(await runScript()).toEqual({ code: 0, output: 'the Secret insi is there already\n' })
  })

  test('asks again when the API server is not up yet', async () => {
    answers.push({ status: 503, body: { message: 'starting' } }, { status: 201, body: {} })
    expect(await runScript()).toEqual({ code: 0, output: 'no answer yet: starting\nmade the Secret insi\n' })
  })

  test('fails with the reason when it may not create Secrets', async () => {
    answers.push({ status: 403, body: { reason: 'Forbidden', message: 'secrets is forbidden' } })
    expect(await runScript()).toEqual({ code: 1, output: 'the API server answers 403: secrets is forbidden\n' })
  })
})
