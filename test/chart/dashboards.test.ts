// The boards of the chart: up to date, well made, and their queries fit the catalogue. What Prometheus answers to them is seen
// in test/observability.
import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { BOARDS, queriesOf } from '../../scripts/boards/boards.ts'
import { DASHBOARDS, renderDashboards } from '../../scripts/generate-dashboards.ts'
import { faultsOf } from './series-check.ts'

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly datasource?: { readonly uid: string }
}

interface Dashboard {
  readonly uid: string
  readonly links: readonly { readonly url: string }[]
  readonly templating: { readonly list: readonly { readonly name: string }[] }
  readonly panels: readonly Panel[]
}

const files = renderDashboards()
const dashboards = files.map(({ content }) => JSON.parse(content) as Dashboard)

test('the files are those of scripts/boards and no others: run `npm run generate`', () => {
  for (const file of files) expect(readFileSync(file.path, 'utf8')).toBe(file.content)
  expect(readdirSync(DASHBOARDS).toSorted()).toEqual(files.map((file) => path.basename(file.path)).toSorted())
})

describe.each(BOARDS.map((board) => [board.title, board] as const))('%s', (_title, board) => {
  const dashboard = dashboards.find(({ uid }) => uid === board.uid)
  const panels = dashboard?.panels ?? []

  test('its queries ask for series of the catalogue, as their types want it', () => {
    const faults = queriesOf(board).flatMap(({ expression, place }) =>
      faultsOf(expression).map((fault) => `${place}: ${fault}`),
    )
    expect(faults).toEqual([])
  })

  test('its queries use no variable that it does not have', () => {
    const known = [...(dashboard?.templating.list ?? []).map(({ name }) => name), '__rate_interval', '__range']
    const used = queriesOf(board).flatMap(({ expression }) =>
      [...expression.matchAll(/\$\{?(\w+)/g)].map(([, name = '']) => name),
    )
    expect(used.filter((name) => !known.includes(name))).toEqual([])
    expect(known).toContain('datasource')
  })

  test('its panels are whole rows that do not overlap, each with a title of its own and a description', () => {
    const cells = panels.flatMap(({ gridPos: { h, w, x, y } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
    expect(panels.filter(({ gridPos: { w, x } }) => x + w > 24)).toEqual([])
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const silent = panels.filter(({ description = '', type }) => type !== 'row' && description === '')
    expect(silent.map(({ title }) => title)).toEqual([])
    expect(panels.filter(({ datasource }) => datasource !== undefined && datasource.uid !== '${datasource}')).toEqual(
      [],
    )
  })

  test('it links to the others', () => {
    const others = BOARDS.filter((other) => other !== board).map(({ uid }) => `/d/${uid}`)
    expect(dashboard?.links.map(({ url }) => url)).toEqual(others)
  })
})

test('the first row of the tenants needs no series of single keys', () => {
  const tenants = BOARDS.find(({ uid }) => uid === 'insi-tenants')
  const expressions =
    tenants?.rows[0]?.panels.flatMap(({ queries }) => queries.map(({ expression }) => expression)) ?? []
  expect(expressions.length).toBeGreaterThan(0)
  expect(expressions.filter((expression) => expression.includes('insi_entity_disk_bytes'))).toEqual([])
})

test.each([
  ['rate(insi_no_such_total{pod="a"}[5m])', 'insi_no_such_total does not exist'],
  ['up{colour="red"}', 'up has no label colour'],
  ['insi_raft_elections_total{pod="a"}', 'insi_raft_elections_total{pod="a"} is a counter without its rate'],
  ['rate(insi_raft_term{pod="a"}[5m])', 'insi_raft_term{pod="a"} is no counter'],
  ['sum(rate(insi_log_fsync_duration_seconds_bucket{pod="a"}[5m]))', expect.stringContaining('a bucket out of its')],
  ['up{pod="a"} + insi_raft_term', 'insi_raft_term of all'],
])('%s is found', (expression, fault) => {
  expect(faultsOf(expression)).toEqual([fault])
})
