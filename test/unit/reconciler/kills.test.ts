// The reconciler is killed after every single thing that it does, and another one that remembers nothing goes on.
import { ReconciledRelease } from './reconciled-release.ts'
import type { Instance } from './reconciled-release.ts'

const STEPS_MAX = 120
/** 3 → 1 → 3: the leader goes, members are removed, and their old disks come back as learners. */
const SCALES = [3, 1, 3]
const TEST_TIMEOUT_MS = 120_000

/** What a run leaves behind, whatever happened on the way. */
interface Outcome {
  readonly file: string
  readonly status: Readonly<Record<string, string>>
  readonly voters: readonly string[]
  readonly effects: readonly string[]
}

async function tryPass({ reconciler }: Instance): Promise<void> {
  await reconciler.pass().catch(() => undefined)
}

/** Runs the scales. `killedAt`: after which effect the reconciler dies; null: never. */
async function runScales(killedAt: number | null): Promise<Outcome> {
  const release = await ReconciledRelease.start()
  release.world.promotesByItself = false
  release.world.leadership('insi-2')
  let instance = release.begin()
  if (killedAt !== null) release.killAfter(killedAt)
  try {
    for (const replicas of SCALES) {
      release.step(replicas)
      for (let steps = 0; steps < STEPS_MAX && !release.isSettled(); steps++) {
        await tryPass(instance)
        if (release.isDead) {
          instance.close()
          instance = release.begin()
        }
        release.step(replicas)
      }
      if (!release.isSettled()) throw new Error(`not settled at ${replicas}: ${release.world.describe()}`)
    }
    expect(release.world.violations).toEqual([])
    return {
      file: release.kube.data('insi')['cluster.yaml']?.split('\n').slice(2).join('\n') ?? '',
      status: { ...release.kube.data('insi-status'), 'conditions.json': '', generation: '' },
      voters: release.world.voters(),
      effects: release.effects,
    }
  } finally {
    instance.close()
    await release.stop()
  }
}

test(
  'killed after any one of its effects, without memory, the next one comes to the same members, file and status',
  async () => {
    const { effects, ...undisturbed } = await runScales(null)
    const kinds = new Set(effects.map((effect) => effect.replace(/ insi-\d$/, '')))
    for (const kind of ['add', 'promote', 'transfer', 'remove', 'push', 'patch configmaps/insi']) {
      expect(kinds).toContain(kind)
    }
    for (const kind of ['patch configmaps/insi-status', 'patch configmaps/insi-identity', 'create events']) {
      expect(kinds).toContain(kind)
    }
    const firstOf = new Map(effects.map((effect, at) => [effect, at] as const).toReversed())
    for (const [effect, at] of firstOf) {
      const { effects: _effects, ...killed } = await runScales(at + 1)
      expect([effect, killed]).toEqual([effect, undisturbed])
    }
  },
  TEST_TIMEOUT_MS,
)

test('two that act at once do no harm, come to the same, and then both write nothing', async () => {
  const release = await ReconciledRelease.start()
  const both = [release.begin(), release.begin()]
  try {
    for (const replicas of [3, 5, 1, 3]) {
      release.step(replicas)
      for (let steps = 0; steps < STEPS_MAX && !release.isSettled(); steps++) {
        await Promise.all(both.map(tryPass))
        release.step(replicas)
      }
      expect(release.isSettled() ? 'settled' : release.world.describe()).toBe('settled')
    }
    expect(release.world.violations).toEqual([])
    const before = release.effects.length
    for (let passes = 0; passes < 3; passes++) await Promise.all(both.map(tryPass))
    expect(release.effects.slice(before)).toEqual([])
  } finally {
    for (const instance of both) instance.close()
    await release.stop()
  }
})

test('when the ConfigMap was made anew, nodes that remember a higher generation take the file all the same', async () => {
  const release = await ReconciledRelease.start()
  const instance = release.begin()
  try {
    for (const nodeId of ['insi-0', 'insi-1', 'insi-2']) release.marks.set(nodeId, { generation: 7, hash: 'of before' })
    await instance.reconciler.pass()
    expect([...release.marks.values()].map(({ generation }) => generation)).toEqual([8, 8, 8])
    expect(release.kube.data('insi')['cluster.yaml']).toContain('# generation: 8, hash: ')
    expect(await instance.metrics.text()).toContain('insi_reconciler_node_observed_generation{node="insi-1"} 8')
  } finally {
    instance.close()
    await release.stop()
  }
})

test('nodes of another cluster than the marked one are left alone, and an Event says so', async () => {
  const release = await ReconciledRelease.start()
  release.kube.put('configmaps', 'v1', 'ConfigMap', 'insi-identity', { data: { clusterId: 'another' } })
  const instance = release.begin()
  try {
    release.step(1)
    for (let passes = 0; passes < 10; passes++) {
      await instance.reconciler.pass()
      release.step(1)
    }
    expect(release.effects.filter((effect) => ['add', 'remove', 'promote', 'transfer'].includes(effect))).toEqual([])
    const told = release.kube.events.filter(({ reason }) => reason === 'ForeignCluster')
    expect(told.map(({ note }) => note)).toEqual(['the nodes belong to the cluster c, and this release to another'])
    expect(release.kube.data('insi-identity')['clusterId']).toBe('another')
  } finally {
    instance.close()
    await release.stop()
  }
})
