import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { finished } from 'node:stream/promises'
import { DirectoryArchive } from '../../../src/archive/directory-archive.ts'
import { removeSurplus } from '../../../src/archive/selection.ts'
import { systemClock } from '../../../src/base/clock.ts'

const NAME = 'insi-0ea36cf1-20261123T091500Z.insi'
const LATER = 'insi-00000000-20261124T091500Z.insi'
const DAY_MS = 86_400_000

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'insi-archive-'))
})
afterEach(() => rm(directory, { recursive: true }))

const archive = () => new DirectoryArchive(directory, systemClock)

async function write(name: string, text: string): Promise<void> {
  const writer = await archive().write(name)
  writer.stream.end(text)
  await finished(writer.stream)
  await writer.commit()
}

test('backups are listed by age, and nothing else is', async () => {
  await write(LATER, 'four')
  await write(NAME, 'one')
  await writeFile(path.join(directory, 'notes.txt'), '')
  await mkdir(path.join(directory, 'lost+found'))
  expect(await archive().list()).toEqual([
    { name: NAME, cluster: '0ea36cf1', createdAt: '2026-11-23T09:15:00Z', sizeBytes: 3 },
    { name: LATER, cluster: '00000000', createdAt: '2026-11-24T09:15:00Z', sizeBytes: 4 },
  ])
  await archive().remove(NAME)
  await archive().remove(NAME)
  expect((await archive().list()).map(({ name }) => name)).toEqual([LATER])
  await expect(new DirectoryArchive(path.join(directory, 'none'), systemClock).list()).rejects.toThrow('cannot be read')
})

test('beyond the number to keep, the oldest of the same cluster are removed', async () => {
  const older = NAME.replace('20261123', '20261121')
  for (const name of [NAME, older, LATER]) await write(name, 'one')
  const prune = async (cluster: string, keep: number) =>
    removeSurplus(archive(), await archive().list(), { cluster, keep })
  expect(await prune('0ea36cf1', 2)).toEqual([])
  expect(await prune('0ea36cf1', 1)).toEqual([older])
  expect(await prune('00000000', 1)).toEqual([])
  expect((await archive().list()).map(({ name }) => name)).toEqual([NAME, LATER])
})

test('a file that is not there is named', async () => {
  const missing = path.join(directory, 'none.insi')
  await expect(archive().read('none.insi')).rejects.toThrow(`${missing} cannot be read`)
})

test('what a process that died left is removed once it cannot be of a running one', async () => {
  const stale = path.join(directory, `.${NAME}.1.partial`)
  const fresh = path.join(directory, `.${NAME}.2.partial`)
  const foreign = path.join(directory, '.other.partial')
  for (const file of [stale, fresh, foreign]) await writeFile(file, 'half')
  const old = new Date(systemClock.nowMs() - DAY_MS - 1_000)
  for (const file of [stale, foreign]) await utimes(file, old, old)
  await write(NAME, 'one')
  expect((await readdir(directory)).toSorted()).toEqual([path.basename(fresh), path.basename(foreign), NAME].toSorted())
})
