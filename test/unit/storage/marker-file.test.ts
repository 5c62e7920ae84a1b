// The identity marker as people and other programs may leave it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { readMarkerFile } from '../../../src/storage/marker-file.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'insi-marker-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function fileWith(text: string): Promise<string> {
  const file = path.join(folder, 'clusterId')
  await writeFile(file, text)
  return file
}

test('a marker is the id alone, whatever white space surrounds it', async () => {
  expect(await readMarkerFile(await fileWith('  1b4e28ba-2fa1-11d2-883f-0016d3cca427\n'))).toBe(
    '1b4e28ba-2fa1-11d2-883f-0016d3cca427',
  )
})

test('a missing or empty file says nothing', async () => {
  expect(await readMarkerFile(path.join(folder, 'none'))).toBeNull()
  expect(await readMarkerFile(await fileWith(' \n'))).toBeNull()
})

test('what is no id, or cannot be read, is an error rather than nothing', async () => {
  const file = await fileWith('clusterId: x\nbootstrappedAt: y\n')
  await expect(readMarkerFile(file)).rejects.toMatchObject({ code: 'IDENTITY_CORRUPT' })
  await expect(readMarkerFile(folder)).rejects.toMatchObject({ code: 'EISDIR' })
})
