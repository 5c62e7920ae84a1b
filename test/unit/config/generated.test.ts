// What is generated from the schema is what the checkout holds, and the committed sample is valid.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { renderConfigDocs } from '../../../scripts/generate-config-docs.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { CLUSTER, NODE, optionsOf } from '../../../src/config/options.ts'
import { spellingsOf } from '../../../src/config/spelling.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')
const read = (name: string): Promise<string> => readFile(path.join(ROOT, name), 'utf8')

test('docs/CONFIG.md and docs/cluster.schema.json are as generated: run `npm run generate`', async () => {
  for (const file of await renderConfigDocs()) {
    expect({ path: file.path, content: await read(file.path) }).toEqual(file)
  }
})

test('the JSON schema knows every spelling of every option', async () => {
  const schema: unknown = JSON.parse(await read('docs/cluster.schema.json'))
  const at = (pointer: readonly string[]): unknown =>
    pointer.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], schema)
  const check = (base: readonly string[], option: { readonly path: readonly string[] }): void => {
    const pointer = option.path.slice(0, -1).flatMap((key) => ['properties', key])
    for (const spelling of spellingsOf(option.path.at(-1) ?? '')) {
      expect(at([...base, ...pointer, 'properties', spelling])).toBeDefined()
    }
  }
  for (const option of optionsOf(CLUSTER)) check([], option)
  for (const option of optionsOf(NODE)) check(['properties', 'nodes', 'additionalProperties'], option)
})

test('the reference shows no value of a secret and names each option with its variable', async () => {
  const reference = await read('docs/CONFIG.md')
  for (const option of optionsOf(CLUSTER)) {
    expect(reference).toContain(`| \`${option.name}\` `)
    expect(reference).toContain(`\`${option.environment ?? ''}\``)
  }
})

test('the committed cluster.yaml runs one node on this machine and shows where the secret stands', async () => {
  const { config, warnings } = await loadConfig({ path: path.join(ROOT, 'cluster.yaml'), oneMachine: true })
  expect(warnings).toEqual([])
  expect(config.insiHome).toBe('data/insi')
  expect(config.defaultLeader).toBe('node0')
  expect(config.nodes).toEqual({
    node0: expect.objectContaining({
      publicBinding: { host: '127.0.0.1', port: 8080 },
      privateBinding: { host: '127.0.0.1', port: 8081 },
      raftBinding: { host: '127.0.0.1', port: 7000 },
    }),
  })
  expect(await read('cluster.yaml')).toMatch(/^instanceSecret: "?[^"\s]+"?$/m)
})
