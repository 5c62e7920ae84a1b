// Makes charts/insi/values.yaml and values.schema.json from chart-values.ts.
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { stringify } from 'yaml'
import { CHART_VALUES, type ValueField, type ValueGroup, type ValueTree } from './chart-values.ts'

const CHART = path.resolve(import.meta.dirname, '../charts/insi')
const COMMENT_COLUMNS_MAX = 118

const isGroup = (value: ValueField | ValueGroup): value is ValueGroup => 'fields' in value

function schemaOf(tree: ValueTree): Record<string, unknown> {
  const properties = Object.entries(tree).map(([name, value]) => {
    const shape = isGroup(value) ? schemaOf(value.fields) : { ...value.schema, default: value.default }
    return [name, { description: value.description, ...shape }]
  })
  return { type: 'object', additionalProperties: false, properties: Object.fromEntries(properties) }
}

function comment(description: string, indent: string): string[] {
  const lines: string[] = []
  let line = `${indent}#`
  for (const word of description.split(' ')) {
    if (line.length + 1 + word.length > COMMENT_COLUMNS_MAX) {
      lines.push(line)
      line = `${indent}#`
    }
    line += ` ${word}`
  }
  return [...lines, line]
}

function yamlOf(tree: ValueTree, indent = ''): string[] {
  return Object.entries(tree).flatMap(([name, value]) => {
    const head = [...(indent === '' ? [''] : []), ...comment(value.description, indent)]
    if (isGroup(value)) return [...head, `${indent}${name}:`, ...yamlOf(value.fields, `${indent}  `)]
    const entry = stringify({ [name]: value.default }, { singleQuote: true, lineWidth: 0 }).trimEnd()
    return [...head, ...entry.split('\n').map((line) => indent + line)]
  })
}

export function renderChartSchema(): string {
  const schema = schemaOf(CHART_VALUES)
  const properties = {
    ...(schema['properties'] as object),
    global: { type: 'object', description: 'Values of a parent chart.' },
  }
  return `${JSON.stringify({ $schema: 'http://json-schema.org/draft-07/schema#', ...schema, properties }, null, 2)}\n`
}

export function renderChartValues(): string {
  const head =
    '# Values of the chart insi, with their defaults. Made by `npm run generate` from scripts/chart-values.ts.'
  return `${[head, ...yamlOf(CHART_VALUES)].join('\n')}\n`
}

export async function generateChartValues(): Promise<void> {
  await writeFile(path.join(CHART, 'values.schema.json'), renderChartSchema())
  await writeFile(path.join(CHART, 'values.yaml'), renderChartValues())
}
