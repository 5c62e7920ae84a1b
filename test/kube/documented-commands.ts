// The commands that docs/KUBERNETES.md tells an operator to type, so that document and test cannot say different things.
import { readFileSync } from 'node:fs'
import path from 'node:path'

const DOCUMENT = path.resolve(import.meta.dirname, '../../docs/KUBERNETES.md')

/** The shell blocks of a section, in order, for a release in this namespace. */
export function documentedCommands(heading: string, namespace: string): string[] {
  const sections = readFileSync(DOCUMENT, 'utf8').split(/^## /m)
  const section = sections.find((text) => text.startsWith(`${heading}\n`))
  if (section === undefined) throw new Error(`docs/KUBERNETES.md has no section ${heading}`)
  return [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) =>
    block.replaceAll('kubectl -n insi ', `kubectl -n ${namespace} `),
  )
}
