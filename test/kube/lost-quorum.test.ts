// The disks of a majority are lost for good: the cluster refuses writes and says so, until an operator types the commands of
// docs/KUBERNETES.md, which are run here as they stand there.
import { eventually } from '../support/eventually.ts'
import { expectAlertHolds } from './alert-evaluation.ts'
import { PortForward, requireCluster, run } from './cluster-tools.ts'
import { documentedCommands } from './documented-commands.ts'
import { record } from './measurements.ts'
import { Release, pods, report } from './release.ts'

requireCluster()

const TEST_TIMEOUT_MS = 400_000
const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'
const release = new Release()

beforeAll(() => release.create(), TEST_TIMEOUT_MS)
afterAll(() => release.remove(), TEST_TIMEOUT_MS)

const bash = (...blocks: string[]): Promise<string> => run('bash', ['-euc', blocks.join('\n')])

/** The answer of /readyz of a pod. */
async function readyz(pod: string): Promise<{ readonly status: number; readonly text: string }> {
  const forward = new PortForward(release.namespace, `pod/${pod}`, 9090)
  try {
    const url = await eventually('the port-forward is open', () => forward.url)
    const answer = await fetch(`${url}/readyz?verbose`)
    return { status: answer.status, text: await answer.text() }
  } finally {
    forward.close()
  }
}

async function loseDisks(names: readonly string[]): Promise<void> {
  const before = await release.uidsOf(names)
  await release.kubectl('delete', 'pvc', ...names.map((pod) => `data-${pod}`), '--wait=false')
  await release.kubectl('delete', 'pod', ...names, '--grace-period=0', '--force')
  for (const pod of names) {
    await eventually(
      `${pod} runs again`,
      async () =>
        (!before.includes((await release.uidsOf([pod]))[0] ?? '') &&
          (await release.field(`pod/${pod}`, '.status.phase')) === 'Running') ||
        undefined,
      { timeoutMs: 90_000 },
    )
  }
}

test(
  'with a majority of the disks lost nothing is written, alerts hold, and the documented commands bring the data back',
  async () => {
    const writer = await release.startLoad(pods(3), 500)
    const { acknowledged, failed } = await writer.stop()
    // A read through it waits until the survivor has everything; later nobody could tell it.
    await release.expectKept(writer, ['insi-1'])
    const { clusterId = '' } = await release.status()
    const startMs = performance.now()
    await loseDisks(['insi-0', 'insi-2'])

    await refuses()
    const [stop = '', define = '', plan = '', confirm = '', start = ''] = documentedCommands(
      'Recovery from lost quorum',
      release.namespace,
    )
    await bash(stop)
    const planned = await bash(define, plan)
    expect(planned).toContain(`recover-alone --as insi-1 --config /etc/insi/cluster.yaml --confirm ${clusterId}`)
    report(planned)
    const recovered = await bash(define, confirm.replaceAll('CLUSTER_ID', clusterId))
    const newClusterId = new RegExp(`new cluster (${UUID})`).exec(recovered)?.[1] ?? ''
    expect(newClusterId).not.toBe(clusterId)
    await bash(start.replaceAll('NEW_CLUSTER_ID', newClusterId))

    await release.settled(3)
    expect((await release.status())['clusterId']).toBe(newClusterId)
    await release.expectKept(writer, pods(3))
    const tookMs = performance.now() - startMs
    record({
      scenario: 'majority of disks lost, recovered by hand',
      tookMs,
      acknowledged,
      failed,
      longestGapMs: null,
      leaderMoves: null,
    })
    await release.underLoad('after the recovery', { through: pods(3) }, () => Promise.resolve())
  },
  TEST_TIMEOUT_MS,
)

async function refuses(): Promise<void> {
  for (const pod of pods(3)) {
    const expected = pod === 'insi-1' ? '[-] leader: no leader is known' : 'insid recover-alone --as NODE'
    // A node that joins knows what stands in the way once it was refused.
    await eventually(
      `/readyz of ${pod} says no, and ${expected}`,
      async () => {
        const { status, text } = await readyz(pod)
        if (status !== 503 || !text.includes(expected)) throw new Error(`${status}: ${text}`)
        return true
      },
      { timeoutMs: 60_000 },
    )
  }
  const refused = await eventually('the survivor answers', () =>
    release.call('insi-1', '/db/api/v1/set', { key: 'lost', value: 'x' }),
  )
  expect(refused.status).toBe(503)
  await eventually(
    'no pod counts as ready',
    async () => ['', '0'].includes(await release.field('statefulset/insi', '.status.readyReplicas')) || undefined,
    { timeoutMs: 30_000 },
  )
  await expectAlertHolds(release, 'InsiNoLeader', pods(3))
  await expectAlertHolds(release, 'InsiBootstrapRefused', pods(3))
}
