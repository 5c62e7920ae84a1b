// Makes k8s/insi.yaml, the plain manifests, from the chart: `node scripts/generate-chart-manifests.ts`. Needs helm.
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const ROOT = path.resolve(import.meta.dirname, '..')
export const MANIFESTS = path.join(ROOT, 'k8s/insi.yaml')

const HEAD = `# Three nodes of Insi in the namespace insi, for those who do not use helm. Made from charts/insi by
# \`node scripts/generate-chart-manifests.ts\`.
#
#   kubectl create namespace insi
#   kubectl -n insi create secret generic insi --from-literal=instanceSecret="$(openssl rand -base64 32)"
#   kubectl apply -f k8s/insi.yaml
`

export function renderManifests(): string {
  const words = ['template', 'insi', path.join(ROOT, 'charts/insi'), '--namespace', 'insi', '--kube-version', '1.34.0']
  const rendered = execFileSync('helm', [...words, '--skip-tests', '--set', 'secret.existingSecret=insi'], {
    encoding: 'utf8',
  })
  const plain = rendered
    .split('\n')
    .filter((line) => !/^# Source: |^\s+helm\.sh\/chart: |^\s+app\.kubernetes\.io\/managed-by: /.test(line))
    .join('\n')
  return `${HEAD}${plain.trimEnd()}\n`
}

if (import.meta.filename === process.argv[1]) {
  mkdirSync(path.dirname(MANIFESTS), { recursive: true })
  writeFileSync(MANIFESTS, renderManifests())
}
