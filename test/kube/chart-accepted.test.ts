// Every example of charts/insi/ci before a real API server: it knows each field, and the restricted pod security allows each pod.
import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { parseAllDocuments } from 'yaml'
import { CHART, kubectl, render, requireCluster, run } from './cluster-tools.ts'

requireCluster()

const TEST_TIMEOUT_MS = 60_000
const SECURITY = ['enforce', 'warn'].map((mode) => `pod-security.kubernetes.io/${mode}=restricted`)
/** Kinds of operators, which the cluster need not have. */
const FOREIGN = /^(cert-manager\.io|monitoring\.coreos\.com)\//
const namespace = `insi-test-${randomBytes(4).toString('hex')}`
const examples = readdirSync(path.join(CHART, 'ci'))

beforeAll(async () => {
  await kubectl('create', 'namespace', namespace)
  await kubectl('label', 'namespace', namespace, ...SECURITY)
  // A pod is admitted for an account that is there; the others make theirs.
  await kubectl('--namespace', namespace, 'create', 'serviceaccount', 'insi')
}, TEST_TIMEOUT_MS)
afterAll(() => kubectl('delete', 'namespace', namespace, '--wait=false'), TEST_TIMEOUT_MS)

test.each(examples)(
  '%s makes objects that the API server takes without a warning',
  async (example) => {
    const text = await render([], ['--namespace', namespace, '--values', path.join(CHART, 'ci', example)])
    const objects = parseAllDocuments(text).filter((document) => {
      const { apiVersion } = (document.toJS() ?? { apiVersion: '' }) as { apiVersion: string }
      return apiVersion !== '' && !FOREIGN.test(apiVersion)
    })
    const words = ['apply', '--namespace', namespace, '--dry-run=server', '--validate=strict', '--warnings-as-errors']
    const answer = await run('kubectl', [...words, '--filename', '-'], objects.join(''))
    expect(answer.trim().split('\n')).toHaveLength(objects.length)
  },
  TEST_TIMEOUT_MS,
)
