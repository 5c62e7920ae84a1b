// The status page: one answer that needs nothing else, and the overview that it shows.
import { createHash } from 'node:crypto'
import { ROOT_ENTITY_ID } from '../../src/state/commands.ts'
import { HttpNode, ROOT_KEY, SECRET } from '../support/http-node.ts'

let node: HttpNode
beforeEach(async () => {
  node = await HttpNode.start({ config: 'metrics: { entitiesTop: 2 }' })
})
afterEach(() => node.stop())

const overview = (token: string) => node.call('private', '/db/api/v1/admin/overview', { token })

const elements = (page: string, tag: string): string[] =>
  [...page.matchAll(new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`, 'g'))].map(([, text = '']) => text)

test('the private listener serves the page without a key, and no other listener does', async () => {
  const page = await node.call('private', '/')
  expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
  expect(page.headers['x-content-type-options']).toBe('nosniff')
  expect(page.headers['cache-control']).toBe('no-store')
  for (const listener of ['public', 'ops'] as const) expect((await node.call(listener, '/')).status).toBe(404)
})

test('the page may run its own script and style, reach its own node, and nothing else', async () => {
  const { headers, text } = await node.call('private', '/')
  const policy = String(headers['content-security-policy'])
  const directives = new Map(policy.split('; ').map((directive) => [directive.split(' ')[0], directive]))
  expect(directives.get('default-src')).toBe("default-src 'none'")
  expect(directives.get('connect-src')).toBe("connect-src 'self'")
  expect(policy).not.toMatch(/unsafe|https?:|\*/)
  for (const [tag, directive] of [
    ['script', 'script-src'],
    ['style', 'style-src'],
  ] as const) {
    const texts = elements(text, tag)
    expect(texts).toHaveLength(1)
    const hashes = texts.map((one) => `'sha256-${createHash('sha256').update(one).digest('base64')}'`)
    expect(directives.get(directive)).toBe(`${directive} ${hashes.join(' ')}`)
  }
  // What a policy of hashes would block without a word.
  expect(text).not.toMatch(/\sstyle=|\son[a-z]+=|<script\s|<style\s/)
})

test('the page loads nothing from elsewhere, keeps nothing and holds no secret', async () => {
  await node.createKey('a tenant')
  const { text } = await node.call('private', '/', { token: ROOT_KEY })
  expect(text).not.toMatch(/https?:\/\/|\/\/[a-z]|<link rel="(?!icon" href="data:,")|@import|url\(/)
  expect(text).not.toMatch(/localStorage|sessionStorage|document\.cookie|indexedDB|innerHTML|location\./)
  for (const secret of [ROOT_KEY, SECRET, 'insi_', 'a tenant']) expect(text).not.toContain(secret)
})

test('the page fits a phone and follows the colours of its reader', async () => {
  const { text } = await node.call('private', '/')
  expect(text).toContain('<meta name="viewport" content="width=device-width, initial-scale=1" />')
  expect(text).toContain('@media (prefers-color-scheme: dark)')
  expect(text).toMatch(/@media \(max-width: \d+rem\)/)
})

test('the overview is for root alone', async () => {
  const token = await node.createKey()
  expect((await overview(token)).status).toBe(401)
  expect((await overview('insi_x')).status).toBe(401)
  expect((await node.call('public', '/db/api/v1/admin/overview', { token: ROOT_KEY })).status).toBe(404)
})

test('the overview shows members, rates and who uses the most, without tokens', async () => {
  const tokens = await Promise.all(['small', 'large', 'larger'].map((name) => node.createKey(name)))
  for (const [at, token] of tokens.entries()) {
    await node.call('public', '/db/api/v1/set', { token, body: { key: 'k', value: 'x'.repeat(100 * at) } })
  }
  const answer = await overview(ROOT_KEY)
  expect(answer.json()).toMatchObject({
    node_id: 'node0',
    version: '1.2.3',
    cluster: {
      state: 'ok',
      leader: 'node0',
      quorum: { voters: 1, margin: 0 },
      members: [{ node_id: 'node0', leader: true }],
    },
    operations: { op_vs: expect.any(Number) },
    entities: { active: 3, bytes_on_disk: 303, top: [{ name: 'larger', bytes_on_disk: 201 }, { name: 'large' }] },
    history: [],
  })
  for (const token of tokens) expect(answer.text).not.toContain(token)
  const usage = node.state.reader.usage(ROOT_ENTITY_ID)
  expect(usage.diskBytes).toBe(0)
})
