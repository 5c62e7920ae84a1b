// What can be said of charts/insi without helm: its generated files are up to date, and its templates use every value.
import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { CHART_VALUES, type ValueTree } from '../../scripts/chart-values.ts'
import { renderChartReadme } from '../../scripts/generate-chart-readme.ts'
import { renderChartSchema, renderChartValues } from '../../scripts/generate-chart-values.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
const CHART = path.join(ROOT, 'charts/insi')
const read = (name: string): string => readFileSync(path.join(CHART, name), 'utf8')

function leaves(tree: ValueTree, prefix = ''): string[] {
  return Object.entries(tree).flatMap(([name, value]) =>
    'fields' in value ? leaves(value.fields, `${prefix}${name}.`) : [`${prefix}${name}`],
  )
}

describe('the chart and its values', () => {
  test('values.yaml and values.schema.json are those of scripts/chart-values.ts: run `npm run generate`', () => {
    expect(read('values.yaml')).toBe(renderChartValues())
    expect(read('values.schema.json')).toBe(renderChartSchema())
  })

  test('README.md is that of scripts/chart-values.ts, and tells of every value once', async () => {
    const readme = read('README.md')
    expect(readme).toBe(await renderChartReadme())
    const rows = [...readme.matchAll(/^\| `([^`]+)` /gm)].map((match) => match[1])
    expect(leaves(CHART_VALUES).filter((leaf) => rows.filter((row) => row === leaf).length !== 1)).toEqual([])
  })

  test('values.yaml is YAML with every value in it', () => {
    const values = parse(read('values.yaml')) as Record<string, unknown>
    const missing = leaves(CHART_VALUES).filter((leaf) => {
      const found = leaf.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], values)
      return found === undefined
    })
    expect(missing).toEqual([])
  })

  test('templates name every value, and no value that does not exist', () => {
    const templates = readdirSync(path.join(CHART, 'templates'), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(yaml|tpl|txt)$/.test(name))
      .map((name) => read(`templates/${name}`))
      .join('\n')
    const known = leaves(CHART_VALUES)
    // These groups are walked by name: a probe and a monitor each, and the ports.
    const walked = /^(probes\.|serviceMonitor\.|podMonitor\.|ports\.)/
    const unused = known.filter((leaf) => !walked.test(leaf) && !templates.includes(`.Values.${leaf}`))
    const named = [...templates.matchAll(/\.Values\.([A-Za-z.]+[A-Za-z])/g)].map((match) => match[1] ?? '')
    const unknown = named.filter((name) => !known.some((leaf) => leaf === name || leaf.startsWith(`${name}.`)))
    expect({ unused, unknown }).toEqual({ unused: [], unknown: [] })
  })

  test('the chart carries the version of the package', () => {
    const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string }
    expect(parse(read('Chart.yaml'))).toMatchObject({ appVersion: version })
  })
})
