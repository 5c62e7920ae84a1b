// Every query of every board, sent to a Prometheus that scraped three nodes at work, has an answer.
import { BOARDS, queriesOf } from '../../scripts/boards/boards.ts'
import { choicesOf, filledIn, numbersOf } from './board-queries.ts'
import { BusyCluster } from './busy-cluster.ts'

const START_TIMEOUT_MS = 150_000
const CALM_SECONDS = 12
const STEP_SECONDS = 1
const SERIES_MAX = 1_500

let busy: BusyCluster
beforeAll(async () => {
  busy = await BusyCluster.start({ calmSeconds: CALM_SECONDS })
}, START_TIMEOUT_MS)
afterAll(() => busy?.stop())

test('the load was served', () => {
  const { statuses } = busy.load
  const served = statuses.get(200) ?? 0
  const failed = [...statuses].filter(([status]) => status === 0 || status >= 500).map(([, count]) => count)
  expect(served).toBeGreaterThan(1_000)
  expect(failed.reduce((sum, count) => sum + count, 0)).toBeLessThan(served / 10)
})

describe.each(BOARDS.map((board) => [board.title, board] as const))('%s', (_title, board) => {
  test('each of its queries has an answer with numbers', async () => {
    const { cluster, prometheus } = busy.scraped
    const range = busy.range(STEP_SECONDS)
    const empty: string[] = []
    for (const { expression, place } of queriesOf(board)) {
      const asked = filledIn(expression, cluster.nodeIds, range.endSeconds - range.startSeconds)
      if ((await numbersOf(prometheus, asked, range)).length === 0) empty.push(`${place}: ${asked}`)
    }
    expect(empty).toEqual([])
  })

  test('its variables offer the namespace, the cluster and its nodes', async () => {
    const expected: Readonly<Record<string, readonly string[]>> = {
      namespace: ['space'],
      cluster: ['insi'],
      pod: ['insi-0', 'insi-1', 'insi-2'],
    }
    for (const variable of board.variables) {
      expect([variable.name, await choicesOf(busy.scraped.prometheus, variable)]).toEqual([
        variable.name,
        expected[variable.name],
      ])
    }
  })
})

test('a query that no series fits is found', async () => {
  const asked = filledIn('sum(insi_raft_term{namespace="$namespace",pod=~"$cluster-x[0-9]+"})', [], 60)
  expect(await numbersOf(busy.scraped.prometheus, asked, busy.range(STEP_SECONDS))).toEqual([])
})

test('each busy node has fewer than 1 500 series, and those of single keys are apart', async () => {
  const { cluster } = busy.scraped
  for (const nodeId of cluster.nodeIds) {
    const { text } = await cluster.call(nodeId, '/metrics', { private: true, token: null })
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    expect([nodeId, lines.length < SERIES_MAX]).toEqual([nodeId, true])
    expect(lines.filter((line) => line.includes('entity='))).toEqual([])
  }
})
