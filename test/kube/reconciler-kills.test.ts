// The reconciler is killed at every step of a scale up and down: it keeps nothing that it would miss.
import { type ChildProcess, spawn } from 'node:child_process'
import { requireCluster } from './cluster-tools.ts'
import { Release, pods, report } from './release.ts'

requireCluster()

const TEST_TIMEOUT_MS = 420_000
const release = new Release()

beforeAll(() => release.create(), TEST_TIMEOUT_MS)
afterAll(() => release.remove(), TEST_TIMEOUT_MS)

/** Kills the reconciler whenever an Event of the StatefulSet tells of a step: of its own, or of the pods. */
class KillerAtSteps {
  /** The reasons of the Events, each followed by a kill. */
  readonly steps: string[] = []
  readonly #watch: ChildProcess
  #killing: Promise<void> = Promise.resolve()

  constructor() {
    const selector = 'involvedObject.kind=StatefulSet,involvedObject.name=insi'
    const words = ['--namespace', release.namespace, 'get', 'events', '--watch-only', '--no-headers']
    this.#watch = spawn('kubectl', words.concat('--field-selector', selector, '-o', 'custom-columns=REASON:.reason'))
    this.#watch.stdout?.on('data', (chunk: Buffer) => {
      this.steps.push(
        ...chunk
          .toString()
          .split(/\s+/)
          .filter((reason) => reason !== ''),
      )
      this.#killing = this.#killing.then(() => release.killReconciler())
    })
  }

  /** Resolves once no kill is under way. */
  async stop(): Promise<void> {
    this.#watch.kill()
    await this.#killing
  }
}

test.each([
  [3, 5],
  [5, 3],
])(
  'killed at every step from %i to %i under load, the reconciler finishes and nothing is lost',
  async (from, to) => {
    const scenario = `reconciler killed at each step from ${from} to ${to}`
    await release.underLoad(scenario, { through: pods(3) }, async () => {
      const killer = new KillerAtSteps()
      try {
        await release.scale(to)
        await release.settled(to)
      } finally {
        await killer.stop()
      }
      report(`${scenario}: ${killer.steps.join(', ')}`)
      expect(killer.steps.length).toBeGreaterThanOrEqual(Math.abs(to - from))
      await release.settled(to)
    })
  },
  TEST_TIMEOUT_MS,
)
