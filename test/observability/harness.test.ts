// What the other suites of this folder stand on: a Prometheus that scrapes a cluster, and the rules of the chart.
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { eventually } from '../support/eventually.ts'
import { promtool, requirePrometheus } from './prometheus.ts'
import { ScrapedCluster, chartRules } from './scraped-cluster.ts'

test('a missing program is named, and how to install it', () => {
  expect(() => requirePrometheus(import.meta.dirname)).toThrow(
    /the program prometheus on the PATH: .*apt-get install prometheus/,
  )
})

test('every node is scraped under the names of the chart, its rules are sound and quiet, and a node that dies is seen', async () => {
  const rules = await chartRules()
  const scraped = await ScrapedCluster.start({ rules })
  try {
    const { cluster, prometheus } = scraped
    const file = path.join(cluster.layout.home, 'rules.yaml')
    await writeFile(file, rules)
    expect(await promtool('check', 'rules', file)).toContain('SUCCESS')
    expect(await prometheus.value('sum(up{namespace="space",pod=~"insi-[0-9]+",endpoint="ops"})')).toBe(3)
    expect(await prometheus.value('sum(insi_raft_is_leader)')).toBe(1)
    expect(await prometheus.value('max(insi_raft_quorum_margin)')).toBe(1)
    const states = await eventually('each rule was evaluated', async () => {
      const found = await prometheus.rules()
      return found.every(({ health }) => health !== 'unknown') ? found : undefined
    })
    expect(states.filter(({ health }) => health !== 'ok')).toEqual([])
    expect((await prometheus.alerts()).filter(({ state }) => state === 'firing')).toEqual([])
    await cluster.kill('insi-1')
    await eventually('the dead node is seen', async () =>
      (await prometheus.value('sum(up{endpoint="ops"})')) === 2 ? true : undefined,
    )
  } finally {
    await scraped.stop()
  }
})
