// The JavaScript example of docs/API.md runs as it is in Node.js; test/browser runs it in a browser.
import { spawn } from 'node:child_process'
import { eventually } from '../support/eventually.ts'
import { HttpNode } from '../support/http-node.ts'
import { javascriptExample } from '../support/javascript-example.ts'

test('the example sets a value, and receives the event that it publishes', async () => {
  const node = await HttpNode.start()
  const key = await node.createKey()
  const example = javascriptExample(`http://127.0.0.1:${node.port('public')}`, key)
  const child = spawn(process.execPath, ['--input-type=module', '--eval', example], { env: {} })
  try {
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => (stdout += String(chunk)))
    child.stderr.on('data', (chunk: Buffer) => (stderr += String(chunk)))
    await eventually('the event is printed', () => (`${stdout}${stderr}`.endsWith('\n') ? true : undefined))
    expect({ stdout, stderr }).toEqual({ stdout: "{ changed: 'user:1' }\n", stderr: '' })
    const value = await node.call('public', '/db/api/v1/get?key=user:1', { token: key })
    expect(value.json()).toEqual({ data: 'Alice' })
  } finally {
    child.kill()
    await node.stop()
  }
})
