// A backup by the CronJob of the chart; then everything is lost but backups and Secret, and the documented commands bring it back.
import { documentedCommands } from './documented-commands.ts'
import { eventually } from '../support/eventually.ts'
import { requireCluster, run } from './cluster-tools.ts'
import { record } from './measurements.ts'
import { Release, pods } from './release.ts'

requireCluster()

const TEST_TIMEOUT_MS = 300_000
const WRITES = 1_000
const BACKUPS = ['backup.enabled=true', 'backup.existingClaim=insi-backups']
const SUCCESS = 'insi_reconciler_backup_last_success_timestamp_seconds'
const CLAIM = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'insi-backups' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
}
const release = new Release()

beforeAll(async () => {
  await release.create()
  await run('kubectl', ['--namespace', release.namespace, 'create', '-f', '-'], JSON.stringify(CLAIM))
  await release.upgrade(...BACKUPS)
}, TEST_TIMEOUT_MS)
afterAll(() => release.remove(), TEST_TIMEOUT_MS)

const bash = (block: string): Promise<string> => run('bash', ['-euc', block])
const documented = (): string[] =>
  documentedCommands('Backup and restore', release.namespace).map((block) =>
    block.replaceAll('--namespace insi ', `--namespace ${release.namespace} `),
  )
/** What the documented command for a backup at once says; the job is removed. */
async function backUp(): Promise<string> {
  const said = await bash(documented()[1] ?? '')
  await release.kubectl('delete', 'job', 'backup-now')
  return said
}
/** In seconds since the epoch, as the CronJob has it; 0 while there is none. */
async function lastSuccess(): Promise<number> {
  const time = await release.field('cronjob/insi-backup', '.status.lastSuccessfulTime')
  return time === '' ? 0 : Date.parse(time) / 1_000
}
const successAfter = (seconds: number): Promise<number> =>
  eventually('the CronJob has counted the success', async () => {
    const found = await lastSuccess()
    return found > seconds ? found : undefined
  })
const seenByReconciler = (seconds: number): Promise<unknown> =>
  eventually(
    'the reconciler has seen it',
    async () => ((await release.reconcilerSeries(SUCCESS)) === seconds ? true : undefined),
    { timeoutMs: 90_000 },
  )

interface Job {
  readonly spec: { readonly template: { readonly spec: { readonly initContainers: Container[] } } }
}
interface Container {
  readonly name: string
  readonly command: readonly string[]
  readonly args: readonly string[]
}
const DAMAGE = `
  const fs = require('node:fs')
  const [, name] = /"name":"([^"]*)"/.exec(fs.readFileSync('/tmp/made.json', 'utf8'))
  const bytes = fs.readFileSync('/backups/' + name)
  bytes[bytes.length >> 1] ^= 1
  fs.writeFileSync('/backups/' + name, bytes)`

/** The job of the CronJob, with one bit turned between backup and drill. */
async function backUpDamaged(): Promise<void> {
  const made = ['create', 'job', '--from=cronjob/insi-backup', 'damaged', '--dry-run=client', '-o', 'json']
  const job = JSON.parse(await release.kubectl(...made)) as Job
  const { initContainers } = job.spec.template.spec
  initContainers.push({ ...initContainers[0], name: 'damage', command: ['node', '-e', DAMAGE], args: [] })
  await run('kubectl', ['--namespace', release.namespace, 'create', '-f', '-'], JSON.stringify(job))
  await release.kubectl('wait', 'job/damaged', '--for=condition=failed', '--timeout=120s')
}
const disks = (): string[] => pods(3).map((pod) => `data-${pod}`)

test(
  'a cluster whose disks are all lost begins again with its backup, by the documented commands',
  async () => {
    const writer = await release.startLoad(pods(3), WRITES)
    const { acknowledged, failed } = await writer.stop()
    const { clusterId = '' } = await release.status()
    expect(await backUp()).toContain(`Restored:  1 tenants, ${acknowledged} values,`)
    await seenByReconciler(await successAfter(0))

    await release.kubectl('delete', 'statefulset', 'insi', '--cascade=orphan')
    await release.kubectl('delete', 'pods', '--all', '--grace-period=1')
    await release.kubectl('delete', 'pvc', ...disks())
    await release.upgrade(...BACKUPS, 'replicaCount=0')
    const startMs = performance.now()
    const [, , , restore = '', restoreAfterLoss = ''] = documented()
    await expect(bash(restore)).rejects.toThrow(`add: --give-up ${clusterId}`)
    const said = await bash(restoreAfterLoss.replace('CLUSTER_ID', clusterId))
    const tookMs = performance.now() - startMs
    expect(said).toContain(`of cluster ${clusterId}`)
    record({
      scenario: 'all disks lost, restored from a backup',
      tookMs,
      acknowledged,
      failed,
      longestGapMs: null,
      leaderMoves: null,
    })

    await release.settled(3)
    const now = (await release.status())['clusterId']
    expect(now).not.toBe(clusterId)
    await eventually('the marker names the new cluster', async () =>
      (await release.field('configmap/insi-identity', '.data.clusterId')) === now ? true : undefined,
    )
    await release.expectKept(writer, pods(3))
    // The claim now has backups of two clusters.
    await release.upgrade(...BACKUPS)
    expect(await backUp()).toContain(`${acknowledged} values,`)
  },
  TEST_TIMEOUT_MS,
)

test(
  'disks that are there are never restored over',
  async () => {
    const [, , , restore = ''] = documented()
    await expect(bash(restore)).rejects.toThrow('insi is to have pods')
    await release.scale(0)
    await release.serversGone()
    const { clusterId = '' } = await release.status()
    await expect(bash((documented()[4] ?? '').replace('CLUSTER_ID', clusterId))).rejects.toThrow(
      'there are disks of the former cluster: data-insi-0 data-insi-1 data-insi-2',
    )
    expect(await release.field('configmap/insi-identity', '.data.clusterId')).toBe(clusterId)
    await release.scale(3)
    await release.settled(3)
  },
  TEST_TIMEOUT_MS,
)

test(
  'a damaged backup fails its drill, is not tried again, and does not count',
  async () => {
    const earlier = await lastSuccess()
    await backUp()
    const before = await successAfter(earlier)
    await backUpDamaged()
    expect(await release.kubectl('logs', 'job/damaged', '--container', 'verify')).toContain('of no use')
    const tries = await release.kubectl('get', 'pods', '-l', 'job-name=damaged', '-o', 'name')
    expect(tries.trim().split('\n')).toHaveLength(1)
    expect(await lastSuccess()).toBe(before)
    // A new one reads it at once.
    await release.killReconciler()
    await seenByReconciler(before)
  },
  TEST_TIMEOUT_MS,
)
