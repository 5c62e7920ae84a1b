import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { renderMetricsDocs } from '../../../scripts/generate-metrics-docs.ts'
import { ENTITY_SERIES, SERIES, WRITE_PHASES } from '../../../src/metrics/catalogue.ts'
import { Metrics } from '../../../src/metrics/metrics.ts'
import { PlainHistogram } from '../../../src/metrics/plain-histogram.ts'
import type { Series } from '../../../src/metrics/series.ts'
import { WRITE_PHASES as REPLICA_PHASES } from '../../../src/replication/write-phases.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')

test('docs/METRICS.md is as generated: run `npm run generate`', async () => {
  const rendered = await renderMetricsDocs()
  expect(await readFile(path.join(ROOT, rendered.path), 'utf8')).toBe(rendered.content)
})

test('the name of a series ends in its unit, and in _total when it counts', () => {
  const endings: Readonly<Partial<Record<Series['unit'], RegExp>>> = {
    seconds: /_seconds(_total)?$/,
    bytes: /_bytes(_total)?$/,
    ratio: /_ratio(_max)?$/,
  }
  for (const [name, { type, unit }] of Object.entries<Series>({ ...SERIES, ...ENTITY_SERIES })) {
    expect(name).toMatch(endings[unit] ?? /./)
    expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter'])
  }
})

test('a histogram has bounds in order, and at most a dozen', () => {
  for (const [name, { buckets, type }] of Object.entries<Series>(SERIES)) {
    expect([name, buckets !== undefined]).toEqual([name, type === 'histogram'])
    expect([name, [...(buckets ?? [])].sort((a, b) => a - b)]).toEqual([name, [...(buckets ?? [])]])
    expect((buckets ?? []).length).toBeLessThanOrEqual(12)
  }
})

test('an observation is in the bucket of its bound and in all above, as often as it counts', () => {
  const histogram = new PlainHistogram([0.001, 0.01])
  histogram.observe(1)
  histogram.observe(2, 3)
  histogram.observe(50)
  expect(histogram.lines('a', 'b="c"')).toEqual([
    'a_bucket{le="0.001",b="c"} 1',
    'a_bucket{le="0.01",b="c"} 4',
    'a_bucket{le="+Inf",b="c"} 5',
    'a_sum{b="c"} 0.057',
    'a_count{b="c"} 5',
  ])
})

test('every phase of a write that the replica reports has a histogram', async () => {
  expect(WRITE_PHASES).toEqual(REPLICA_PHASES)
  const metrics = new Metrics({ version: '1', runtimeVersion: 'v26', nodeId: 'node0' })
  for (const phase of REPLICA_PHASES) metrics.replica.onWritePhase(phase, 2, 5)
  const text = await metrics.text()
  for (const phase of REPLICA_PHASES) {
    expect(text).toContain(`insi_write_phase_duration_seconds_count{phase="${phase}"} 5\n`)
  }
})

test('the end of the certificate is NaN without TLS, which no comparison of an alert is true for', async () => {
  const metrics = new Metrics({ version: '1', runtimeVersion: 'v26', nodeId: 'node0' })
  const name = 'insi_tls_certificate_not_after_timestamp_seconds'
  expect(await metrics.text()).toContain(`${name} Nan\n`)
  metrics.onCertificate(1_900_000_000_000)
  expect(await metrics.text()).toContain(`${name} 1900000000\n`)
})
