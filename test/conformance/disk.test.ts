import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { NodeDisk } from '../../src/storage/node-disk.ts'
import { createSimDisk } from '../sim/sim-disk-fixture.ts'
import { describeDisk } from './disk.suite.ts'

const directories: string[] = []
afterAll(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true }))))

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'insi-disk-'))
  directories.push(directory)
  return directory
}

describeDisk('real files', async () => ({
  disk: new NodeDisk(await temporaryDirectory()),
  run: (promise) => promise,
}))

describeDisk('the simulation', async () => {
  const fixture = createSimDisk(1)
  return { disk: fixture.disk.mount(), run: fixture.run }
})

describe('a disk on real files', () => {
  test('directories and files are the owner’s alone', async () => {
    const root = path.join(await temporaryDirectory(), 'data')
    const disk = new NodeDisk(root)
    await disk.makeDirectory('log/x')
    await (await disk.open('log/f', { create: true })).close()
    await disk.writeFileAtomic('log/g', Buffer.from('1'))
    const modes = await Promise.all(
      ['', 'log', 'log/x', 'log/f', 'log/g'].map(async (name) => (await stat(path.join(root, name))).mode & 0o777),
    )
    expect(modes).toEqual([0o700, 0o700, 0o700, 0o600, 0o600])
  })

  test('a path that leads out of the root is refused', async () => {
    const disk = new NodeDisk(await temporaryDirectory())
    await expect(disk.readFile('../x')).rejects.toThrow('outside')
  })

  test('an error of the operating system passes through', async () => {
    const disk = new NodeDisk(await temporaryDirectory())
    await disk.makeDirectory('d')
    await expect(disk.open('d', { create: true })).rejects.toMatchObject({ code: 'EISDIR' })
    const file = await disk.open('f', { create: true, durableWrites: true })
    await file.close()
    await expect(file.write(0, [Buffer.from('x')])).rejects.toMatchObject({ code: 'EBADF' })
  })

  test('a full disk rejects the write with ENOSPC', async () => {
    const full = await new NodeDisk('/dev').open('full', { create: false, durableWrites: true })
    await expect(full.write(0, [Buffer.from('x')])).rejects.toMatchObject({ code: 'ENOSPC' })
    await full.close()
  })
})
