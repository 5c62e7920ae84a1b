// The JavaScript examples of the documentation, as a user would paste them.
import { readFileSync } from 'node:fs'
import path from 'node:path'

const ROOT = path.resolve(import.meta.dirname, '../..')

function exampleOf(document: string): string {
  return /^```js\n(.*?)^```$/ms.exec(readFileSync(path.join(ROOT, document), 'utf8'))?.[1] ?? ''
}

/** The example of README.md with the client of this tree and an address of one's own; the key is in the environment. */
export function clientExample(url: string): string {
  const client = path.join(ROOT, 'src/client/index.ts')
  const own = exampleOf('README.md').replace("'insi/client'", `'${client}'`).replace('http://localhost:8080', url)
  if (!own.includes(client) || !own.includes(url)) throw new Error('README.md has no example of the client')
  return own
}

/** The example of docs/API.md with an address and a key of one's own in place of those it shows. */
export function javascriptExample(url: string, key: string): string {
  const own = exampleOf('docs/API.md').replace('http://localhost:8080', url).replace("'insi_…'", `'${key}'`)
  if (!own.includes(url) || !own.includes(key)) throw new Error('docs/API.md has no example with an address and a key')
  return own
}
