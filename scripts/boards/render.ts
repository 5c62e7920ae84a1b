// From a board to the JSON that Grafana 10 and later take.
import { REFERENCES } from './board.ts'
import type { Annotation, Board, Column, Panel, PanelType, Thresholds, Variable } from './board.ts'

const COLUMNS = 24
const ROW_HEIGHT = 8
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' }
/** Grafana's schema of dashboards as of 10.0. */
const SCHEMA_VERSION = 39

/** `others`: boards that it links to. */
export function renderBoard(board: Board, others: readonly Board[]): string {
  const dashboard = {
    uid: board.uid,
    title: board.title,
    description: board.description,
    tags: ['insi'],
    schemaVersion: SCHEMA_VERSION,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    links: others.map(({ title, uid }) => linkTo(uid, title)),
    annotations: { list: board.annotations.map(annotationOf) },
    templating: {
      list: [
        { type: 'datasource', name: 'datasource', label: 'Data source', query: 'prometheus', hide: 0 },
        ...board.variables.map(variableOf),
      ],
    },
    panels: panelsOf(board),
  }
  return `${JSON.stringify(dashboard, null, 2)}\n`
}

/** Keeps time and variables. */
const linkTo = (uid: string, title: string): object => ({
  type: 'link',
  title,
  url: `/d/${uid}`,
  icon: 'dashboard',
  tooltip: '',
  tags: [],
  asDropdown: false,
  targetBlank: false,
  keepTime: true,
  includeVars: true,
})

const annotationOf = ({ colour, expression, name, text }: Annotation): object => ({
  name,
  enable: true,
  datasource: DATASOURCE,
  expr: expression,
  titleFormat: name,
  textFormat: text,
  iconColor: colour,
})

const variableOf = ({ isMulti = false, label, name, query, regex = '' }: Variable): object => ({
  type: 'query',
  name,
  label,
  datasource: DATASOURCE,
  query: { query, refId: name },
  regex,
  // Asked again when the time changes: nodes come and go.
  refresh: 2,
  sort: 1,
  ...(isMulti ? { includeAll: true, multi: true, current: { text: 'All', value: '$__all' } } : {}),
})

function panelsOf(board: Board): object[] {
  const made: object[] = []
  let id = 0
  let y = 0
  for (const { isCollapsed = false, panels, title } of board.rows) {
    id += 1
    const row = { id, type: 'row', title, collapsed: isCollapsed, gridPos: { x: 0, y, w: COLUMNS, h: 1 } }
    y += 1
    const inRow: object[] = []
    let x = 0
    let height = 0
    for (const panel of panels) {
      if (x + panel.width > COLUMNS) {
        x = 0
        y += height
      }
      height = panel.height ?? ROW_HEIGHT
      id += 1
      inRow.push(panelOf(panel, id, { x, y, w: panel.width, h: height }))
      x += panel.width
    }
    y += height
    made.push({ ...row, panels: isCollapsed ? inRow : [] }, ...(isCollapsed ? [] : inRow))
  }
  return made
}

function panelOf(panel: Panel, id: number, gridPos: object): object {
  return {
    id,
    type: panel.type,
    title: panel.title,
    description: panel.description,
    gridPos,
    ...(panel.type === 'alertlist' ? {} : { datasource: DATASOURCE }),
    fieldConfig: { defaults: defaultsOf(panel), overrides: overridesOf(panel) },
    options: OPTIONS[panel.type](panel),
    ...(panel.type === 'table' ? { transformations: transformationsOf(panel) } : {}),
    targets: panel.queries.map(({ expression, legend }, at) => ({
      refId: REFERENCES[at] ?? '',
      datasource: DATASOURCE,
      expr: expression,
      legendFormat: legend,
      ...(panel.type === 'table' ? { format: 'table', instant: true, range: false } : {}),
      ...(panel.type === 'heatmap' ? { format: 'heatmap' } : {}),
      ...(panel.type === 'bargauge' || panel.showsName === true ? { instant: true, range: false } : {}),
    })),
  }
}

const thresholdsOf = (steps: Thresholds): object => ({
  mode: 'absolute',
  steps: steps.map(([value, color]) => ({ value, color })),
})

const mappingsOf = (texts: Readonly<Record<string, string>>): object[] => [
  {
    type: 'value',
    options: Object.fromEntries(
      Object.entries(texts).map(([value, text], index) => [
        value,
        { text, index, color: value === '1' ? 'green' : 'semi-dark-blue' },
      ]),
    ),
  },
]

function defaultsOf(panel: Panel): object {
  const { decimals, max, min, texts, thresholds, unit } = panel
  return {
    ...(unit === undefined ? {} : { unit }),
    ...(decimals === undefined ? {} : { decimals }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(texts === undefined ? {} : { mappings: mappingsOf(texts) }),
    color: { mode: panel.type === 'timeseries' ? 'palette-classic' : 'thresholds' },
    thresholds: thresholdsOf(thresholds ?? [[null, 'blue']]),
    custom: customOf(panel),
  }
}

function customOf({ isStacked = false, thresholds, type }: Panel): object {
  if (type === 'timeseries') {
    return {
      lineWidth: 1,
      fillOpacity: isStacked ? 40 : 8,
      showPoints: 'never',
      stacking: { mode: isStacked ? 'normal' : 'none', group: 'A' },
      thresholdsStyle: { mode: thresholds === undefined ? 'off' : 'line' },
    }
  }
  return type === 'state-timeline' ? { fillOpacity: 70, lineWidth: 0 } : {}
}

const VALUES = { reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false } }

const OPTIONS: Readonly<Record<PanelType, (panel: Panel) => object>> = {
  stat: ({ queries, showsName = false, thresholds }) => ({
    ...VALUES,
    colorMode: thresholds === undefined ? 'value' : 'background',
    graphMode: showsName || queries.length > 1 ? 'none' : 'area',
    textMode: showsName ? 'name' : queries.length > 1 ? 'value_and_name' : 'value',
    justifyMode: 'auto',
    orientation: 'auto',
  }),
  timeseries: () => ({
    legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
    tooltip: { mode: 'multi', sort: 'desc' },
  }),
  'state-timeline': () => ({
    mergeValues: true,
    showValue: 'auto',
    rowHeight: 0.8,
    alignValue: 'left',
    legend: { displayMode: 'list', placement: 'bottom', showLegend: false },
  }),
  table: () => ({ showHeader: true, cellHeight: 'sm' }),
  heatmap: ({ unit }) => ({
    calculate: false,
    cellGap: 1,
    color: { mode: 'scheme', scheme: 'Oranges', steps: 32, reverse: false },
    yAxis: { unit, axisPlacement: 'left' },
    legend: { show: true },
    tooltip: { show: true, yHistogram: true },
  }),
  bargauge: () => ({ ...VALUES, displayMode: 'basic', orientation: 'horizontal', showUnfilled: true }),
  alertlist: () => ({
    viewMode: 'list',
    groupMode: 'default',
    maxItems: 20,
    sortOrder: 3,
    alertInstanceLabelFilter: '{namespace="$namespace"}',
    stateFilter: { firing: true, pending: true, noData: false, normal: false, error: true },
  }),
}

/** The column of a query's values, as Grafana calls it once several are merged. */
const columnName = (key: string): string => (/^[A-H]$/.test(key) ? `Value #${key}` : key)

function overridesOf({ columns = {} }: Panel): object[] {
  return Object.values<Column>(columns).flatMap(({ texts, thresholds, title, unit }) => {
    const properties = [
      ...(unit === undefined ? [] : [{ id: 'unit', value: unit }]),
      ...(texts === undefined ? [] : [{ id: 'mappings', value: mappingsOf(texts) }]),
      ...(thresholds === undefined
        ? []
        : [
            { id: 'thresholds', value: thresholdsOf(thresholds) },
            { id: 'custom.cellOptions', value: { type: 'color-text' } },
          ]),
    ]
    return properties.length === 0 ? [] : [{ matcher: { id: 'byName', options: title }, properties }]
  })
}

/** One line for each set of labels that the queries share; only the named columns, in their order. */
function transformationsOf({ columns = {}, queries }: Panel): object[] {
  const names = Object.keys(columns).map(columnName)
  const hidden = ['Time', ...queries.map((_, at) => columnName(REFERENCES[at] ?? ''))].filter(
    (name) => !names.includes(name),
  )
  return [
    { id: 'merge', options: {} },
    {
      id: 'organize',
      options: {
        excludeByName: Object.fromEntries(hidden.map((name) => [name, true])),
        indexByName: Object.fromEntries(names.map((name, at) => [name, at])),
        renameByName: Object.fromEntries(Object.entries(columns).map(([key, { title }]) => [columnName(key), title])),
      },
    },
  ]
}
