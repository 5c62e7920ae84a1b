// Makes the heads of docs/runbooks from scripts/alerts/. What stands below a page's second heading is written by hand and kept.
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { ALERT_GROUPS } from './chart-alerts.ts'
import type { AlertRule } from './chart-alerts.ts'

export const RUNBOOKS_FOLDER = path.resolve(import.meta.dirname, '../docs/runbooks')

/** What is pasted before the commands of a page: the two commands that its own commands are made of. */
const TOOLS = `insic() { kubectl -n insi exec "\${NODE:-insi-0}" -- insic --config /etc/insi/cluster.yaml --root "$@"; }
checks() { kubectl -n insi exec "$1" -- node -e 'fetch("http://127.0.0.1:9090/readyz?verbose").then(async (a) => console.log(await a.text()))'; }`

const KEY_WORD = / KEY\b/
const KEY_LINE =
  '`KEY` is the key of a tenant: `insic admin insight entities 0 100` prints them, with the usage of each.\n\n'

export const runbookOf = (alertName: string): string => path.join(RUNBOOKS_FOLDER, `${alertName}.md`)

/** A summary without a time and a place. */
export const plainSummary = ({ summary }: AlertRule): string =>
  summary
    .replaceAll(/(\w+) \{\{ \$labels\.\1 \}\}/g, 'one $1')
    .replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, 'the $1')
    .replaceAll(/\{\{ \$value[^}]*\}\}/g, 'N')
    .replace(/^the /, 'The ')

function headOf(rule: AlertRule, page: string): string {
  const { advice, companions = [], expression, for: patience, name, severity } = rule
  const links = companions.map((companion) => `[${companion}](${companion}.md)`).join(', ')
  const others = companions.length === 0 ? '' : `The same fault may raise ${links}.\n\n`
  const text = `<!-- The head of this page is made by \`npm run generate\` from scripts/alerts/; what it means and all below is written by hand. -->

# ${name}

**${severity}**, ${patience === '0m' ? 'at once' : `once it has held for ${patience}`}. ${plainSummary(rule)}

${advice}

\`\`\`promql
${expression}
\`\`\`

${others}All alerts: [ALERTS.md](../ALERTS.md). The commands are for a release \`insi\` in the namespace \`insi\`, and nodes \`insi-0\` and so on. Paste this first, and set \`NODE=insi-1\` where \`insi-0\` is the one in trouble:

\`\`\`sh
${TOOLS}
\`\`\`

Without Kubernetes: \`npx insic --config cluster.yaml --root\` with the same words, and \`curl -s 'localhost:8081/readyz?verbose'\`.

${KEY_WORD.test(page) ? KEY_LINE : ''}`
  return text.replaceAll('NAMESPACE', 'insi').replaceAll('RELEASE', 'insi')
}

/** The page with its head made anew. `page`: as it is. Throws when nobody has written what it means. */
export function renderRunbook(rule: AlertRule, page: string): string {
  const at = page.indexOf('## What it means\n')
  if (at === -1) throw new Error(`docs/runbooks/${rule.name}.md has no heading "What it means": write it`)
  const written = page.slice(at)
  return headOf(rule, written) + written
}

export async function generateRunbooks(): Promise<void> {
  for (const rule of Object.values(ALERT_GROUPS).flat()) {
    const file = runbookOf(rule.name)
    await writeFile(file, renderRunbook(rule, await readFile(file, 'utf8')))
  }
}
