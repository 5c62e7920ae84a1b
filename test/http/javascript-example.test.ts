// The JavaScript examples of the documentation run as they are in Node.js; test/browser runs that of the API in a browser.
import { spawn } from 'node:child_process'
import { eventually } from '../support/eventually.ts'
import { HttpNode } from '../support/http-node.ts'
import { clientExample, javascriptExample } from '../support/javascript-example.ts'

let node: HttpNode
let key: string
beforeAll(async () => {
  node = await HttpNode.start()
  key = await node.createKey()
})
afterAll(() => node.stop())

const url = (): string => `http://127.0.0.1:${node.port('public')}`
const valueOf = async (name: string): Promise<unknown> =>
  (await node.call('public', `/db/api/v1/get?key=${name}`, { token: key })).json()

interface Printed {
  readonly stdout: string
  readonly stderr: string
}

/** Runs a module until it has printed a line. */
async function firstLineOf(code: string): Promise<Printed> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], { env: { INSI_API_KEY: key } })
  try {
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => (stdout += String(chunk)))
    child.stderr.on('data', (chunk: Buffer) => (stderr += String(chunk)))
    await eventually('a line is printed', () => (`${stdout}${stderr}`.endsWith('\n') ? true : undefined))
    return { stdout, stderr }
  } finally {
    child.kill()
  }
}

test('the example of the API sets a value, and receives the event that it publishes', async () => {
  const printed = await firstLineOf(javascriptExample(url(), key))
  expect(printed).toEqual({ stdout: "{ changed: 'user:1' }\n", stderr: '' })
  expect(await valueOf('user:1')).toEqual({ data: 'Alice' })
})

test('the example of the client sets a value, and sees the change by its watch', async () => {
  expect(await firstLineOf(clientExample(url()))).toEqual({ stdout: 'user:1 Alice\n', stderr: '' })
  expect(await valueOf('user:1')).toEqual({ data: 'Alice' })
})
