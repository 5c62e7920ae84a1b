// What the reconciler trusts follows the file that it is told.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { TRUST_CHECK_INTERVAL_MS, TrustedFile } from '../../../src/bin/reconciler/trusted-file.ts'
import { eventually } from '../../support/eventually.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

let directory = ''
let file = ''

beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'insi-trust-'))
  file = path.join(directory, 'tls.crt')
  await writeFile(file, 'first')
})
afterEach(() => rm(directory, { recursive: true }))

test('a renewed certificate is trusted within an interval, along with the one before, and connections are made anew', async () => {
  const clock = new VirtualClock()
  let changes = 0
  const trusted = await TrustedFile.open(file, clock, () => changes++)
  expect(trusted.certificates.length).toBeGreaterThan(50)
  const authorities = trusted.certificates.slice(0, -1)
  expect(trusted.certificates.slice(authorities.length)).toEqual(['first'])
  for (const next of ['second', 'third']) {
    await writeFile(file, next)
    clock.advance(TRUST_CHECK_INTERVAL_MS)
    await eventually(`${next} is trusted`, () => (trusted.certificates.includes(next) ? true : undefined))
  }
  expect(trusted.certificates).toEqual([...authorities, 'third', 'second'])
  expect(changes).toBe(2)
})

test('a file that is the same, empty or gone changes nothing', async () => {
  let changes = 0
  const trusted = await TrustedFile.open(file, new VirtualClock(), () => changes++)
  await trusted.check()
  await writeFile(file, '')
  await trusted.check()
  await rm(file)
  await trusted.check()
  expect([trusted.certificates.at(-1), changes]).toEqual(['first', 0])
})
