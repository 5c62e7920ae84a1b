// Verbs that the Role lacks: each is a condition that names it, a metric and an Event, and is gone once it is granted. And the
// slice that follows the leader.
import { systemClock } from '../../../src/base/clock.ts'
import { silentLog } from '../../../src/base/log.ts'
import { LeaderEndpoint } from '../../../src/reconciler/leader-endpoint.ts'
import { eventually } from '../../support/eventually.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'
import { ReconciledRelease, SLICE } from './reconciled-release.ts'
import type { Instance } from './reconciled-release.ts'
import { pod } from './samples.ts'

const TEST_TIMEOUT_MS = 30_000

let release: ReconciledRelease
let instance: Instance
beforeEach(async () => {
  release = await ReconciledRelease.start()
  instance = release.begin(systemClock)
})
afterEach(async () => {
  instance.close()
  await release.stop()
})

function conditionMessage(): string {
  const conditions = JSON.parse(release.kube.data('insi-status')['conditions.json'] ?? '[]') as {
    type: string
    message: string
  }[]
  return conditions.find(({ type }) => type === 'RBACDenied')?.message ?? ''
}

/** Runs as in its pod until `body` is through. */
async function running(body: () => Promise<void>): Promise<void> {
  const stopping = new AbortController()
  const run = instance.reconciler.run(stopping.signal)
  try {
    await body()
  } finally {
    stopping.abort()
    release.kube.endWatches()
    await run
  }
}

/** Something that the reconciler wants to write, whatever it wrote before. */
function disturb(): void {
  for (const name of ['insi', 'insi-status', 'insi-identity']) {
    const data = name === 'insi' ? { 'base.yaml': 'defaultLeader: insi-0\n' } : {}
    release.kube.put('configmaps', 'v1', 'ConfigMap', name, { data })
  }
  const endpoints = [{ addresses: ['10.9.9.9'], conditions: { ready: true } }]
  release.kube.put('endpointslices', 'discovery.k8s.io/v1', 'EndpointSlice', SLICE, { addressType: 'IPv4', endpoints })
  release.kube.endWatches()
  instance.reconciler.poke()
}

const soon = { timeoutMs: 6_000 }

test.each([
  'get statefulsets/insi',
  'list pods',
  'watch pods',
  'watch statefulsets/insi',
  'watch configmaps/insi',
  'get configmaps/insi',
  'get configmaps/insi-identity',
  'patch configmaps/insi',
  'patch configmaps/insi-identity',
  `get endpointslices/${SLICE}`,
  `patch endpointslices/${SLICE}`,
  'update leases/insi-reconciler',
])(
  'without the right to %s, a condition, a metric and an Event say so; with it again, all is well',
  async (request) => {
    await running(async () => {
      await eventually('all is well', () =>
        release.kube.data('insi-status')['RBACDenied'] === 'False' ? true : undefined,
      )
      release.kube.denied.add(request)
      disturb()
      await eventually('the condition names it', () => (conditionMessage().includes(request) ? true : undefined), soon)
      expect(release.kube.data('insi-status')['RBACDenied']).toBe('True')
      expect(await instance.metrics.text()).toContain(`insi_reconciler_denied{request="${request}"} 1`)
      const told = await eventually('the Event is written', () =>
        release.kube.events.find(({ reason }) => reason === 'RBACDenied'),
      )
      expect(told.note).toContain(request)
      release.kube.denied.clear()
      disturb()
      await eventually(
        'the condition is gone',
        () => {
          instance.reconciler.poke()
          return release.kube.data('insi-status')['RBACDenied'] === 'False' ? true : undefined
        },
        soon,
      )
      expect(await instance.metrics.text()).toContain(`insi_reconciler_denied{request="${request}"} 0`)
    })
  },
  TEST_TIMEOUT_MS,
)

test.each([
  'get configmaps/insi-status',
  'patch configmaps/insi-status',
  'get leases/insi-reconciler',
  'create events',
])(
  'without the right to %s it goes on, and a metric and what else it may write say so',
  async (request) => {
    release.kube.denied.add(request)
    // An occasion for an Event.
    release.kube.denied.add('patch configmaps/insi-identity')
    await running(async () => {
      const series = `insi_reconciler_denied{request="${request}"}`
      await eventually('the metric says so', async () =>
        (await instance.metrics.text()).includes(`${series} 1`) ? true : undefined,
      )
      release.kube.denied.clear()
      disturb()
      await eventually(
        'it is allowed again',
        async () => {
          instance.reconciler.poke()
          return (await instance.metrics.text()).includes(`${series} 0`) ? true : undefined
        },
        soon,
      )
    })
  },
  TEST_TIMEOUT_MS,
)

describe('the slice of the leader', () => {
  const addresses = (): string[] => {
    const slice = release.kube.objects.get(`endpointslices/${SLICE}`)
    return ((slice?.['endpoints'] ?? []) as { addresses: string[] }[]).flatMap((endpoint) => endpoint.addresses)
  }
  const writes = (): number => release.kube.writes.length

  test('is written when the leader or its address changes, and stays through an election, not through a loss', async () => {
    const clock = new VirtualClock()
    const endpoint = new LeaderEndpoint({ kube: instance.kube, clock, log: silentLog }, SLICE)
    const pods = [pod(0), pod(1, { ips: ['fd00::1', '10.0.0.1'] })]
    await endpoint.follow('insi-0', pods)
    expect(addresses()).toEqual(['10.0.0.0'])
    await endpoint.follow('insi-0', pods)
    expect(writes()).toBe(1)
    await endpoint.follow('insi-1', pods)
    expect(addresses()).toEqual(['10.0.0.1'])
    await endpoint.follow('insi-1', [pod(0), pod(1, { ips: ['10.0.0.9'] })])
    expect(addresses()).toEqual(['10.0.0.9'])
    clock.advance(9_000)
    await endpoint.follow(null, pods)
    expect([addresses(), writes()]).toEqual([['10.0.0.9'], 3])
    clock.advance(2_000)
    await endpoint.follow(null, pods)
    expect(addresses()).toEqual([])
  })

  test('that somebody else changed is put right, and one that is right is left alone', async () => {
    const endpoint = new LeaderEndpoint({ kube: instance.kube, clock: systemClock, log: silentLog }, SLICE)
    await endpoint.follow('insi-0', [pod(0)])
    disturb()
    endpoint.doubt()
    await endpoint.follow('insi-0', [pod(0)])
    expect([addresses(), writes()]).toEqual([['10.0.0.0'], 2])
    endpoint.doubt()
    await endpoint.follow('insi-0', [pod(0)])
    expect(writes()).toBe(2)
  })
})
