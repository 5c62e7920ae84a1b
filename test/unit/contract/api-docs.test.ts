import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { renderApiDocs } from '../../../scripts/generate-api-docs.ts'
import { ERRORS } from '../../../src/contract/errors.ts'
import { ROUTES } from '../../../src/contract/routes.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')

test('docs/API.md is as generated: run `npm run generate`', async () => {
  const rendered = await renderApiDocs()
  expect(await readFile(path.join(ROOT, rendered.path), 'utf8')).toBe(rendered.content)
})

test('docs/API.md has a section for each route and a row for each error', async () => {
  const document = await readFile(path.join(ROOT, 'docs/API.md'), 'utf8')
  for (const route of ROUTES) expect(document).toContain(`### ${route.methods.join(', ')} ${route.path}\n`)
  for (const code of Object.keys(ERRORS)) expect(document).toContain(`| \`${code}\` `)
})
