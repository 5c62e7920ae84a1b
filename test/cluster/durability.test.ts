// What is acknowledged stays: real processes, killed with SIGKILL at random moments.
import { eventually } from '../support/eventually.ts'
import { ProcessCluster } from '../support/process-cluster.ts'

const RESTARTS = 20

describe('one node', () => {
  test('a counter is exact after 20 kills at random moments and restarts', async () => {
    const cluster = await ProcessCluster.create({ nodeCount: 1 })
    try {
      let acknowledged = 0
      let unknown = 0
      for (let restart = 0; restart <= RESTARTS; restart++) {
        cluster.start('node0')
        await cluster.ready()
        const counter = Number((await cluster.get('node0', 'counter')) ?? 0)
        expect(counter).toBeGreaterThanOrEqual(acknowledged)
        expect(counter).toBeLessThanOrEqual(acknowledged + unknown)
        acknowledged = counter
        unknown = 0
        if (restart === RESTARTS) break
        const load = { isRunning: true }
        const bumpers = Array.from({ length: 4 }, async () => {
          while (load.isRunning) {
            unknown++
            const answer = await cluster
              .call('node0', '/db/api/v1/bump', { body: { key: 'counter', value: '1' } })
              .catch(() => null)
            if (answer === null) return
            expect(answer.status).toBe(200)
            unknown--
            acknowledged++
          }
        })
        const goal = acknowledged + 20 + Math.floor(Math.random() * 60)
        await eventually('the counter was bumped some more', () => (acknowledged >= goal ? true : undefined))
        await cluster.kill('node0')
        load.isRunning = false
        await Promise.all(bumpers)
      }
      expect(acknowledged).toBeGreaterThan(RESTARTS * 20)
    } finally {
      await cluster.destroy()
    }
  }, 120_000)
})
