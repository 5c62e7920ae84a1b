// The JavaScript example of docs/API.md, as a user would paste it.
import { readFileSync } from 'node:fs'
import path from 'node:path'

const DOCUMENT = path.resolve(import.meta.dirname, '../../docs/API.md')

/** The example with an address and a key of one's own in place of those it shows. */
export function javascriptExample(url: string, key: string): string {
  const example = /^```js\n(.*?)^```$/ms.exec(readFileSync(DOCUMENT, 'utf8'))?.[1] ?? ''
  const own = example.replace('http://localhost:8080', url).replace("'insi_…'", `'${key}'`)
  if (!own.includes(url) || !own.includes(key)) throw new Error('docs/API.md has no example with an address and a key')
  return own
}
