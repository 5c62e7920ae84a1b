// What every Disk promises. Run on each implementation by disk.test.ts.
import type { Disk } from '../../src/storage/disk.ts'

/** An empty disk, and how to wait for what it does. */
export interface DiskUnderTest {
  readonly disk: Disk
  run<T>(promise: Promise<T>): Promise<T>
}

const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1')

export function describeDisk(name: string, create: () => Promise<DiskUnderTest>): void {
  describe(`a disk on ${name}`, () => {
    let under: DiskUnderTest
    let disk: Disk
    beforeEach(async () => {
      under = await create()
      disk = under.disk
      await under.run(disk.makeDirectory('a/b'))
    })

    test('directories are made with their parents, again and again, and listed with sorted names', async () => {
      await under.run(disk.makeDirectory('a/b'))
      await under.run(disk.makeDirectory('a'))
      await under.run(disk.writeFileAtomic('a/z', Buffer.from('1')))
      await under.run(disk.writeFileAtomic('a/c', Buffer.from('2')))
      await expect(under.run(disk.list('a'))).resolves.toEqual(['b', 'c', 'z'])
      await expect(under.run(disk.list('a/b'))).resolves.toEqual([])
      await expect(under.run(disk.list(''))).resolves.toEqual(['a'])
    })

    test('what is missing reads as undefined, lists as empty, is removed without an error and opens with ENOENT', async () => {
      await expect(under.run(disk.readFile('a/none'))).resolves.toBeUndefined()
      await expect(under.run(disk.list('none'))).resolves.toEqual([])
      await under.run(disk.remove('a/none'))
      await expect(under.run(disk.open('a/none', { create: false }))).rejects.toMatchObject({ code: 'ENOENT' })
      await expect(under.run(disk.open('none/file', { create: true }))).rejects.toMatchObject({ code: 'ENOENT' })
    })

    test.each([false, true])(
      'writes go where they should (durable writes: %s), over each other and behind gaps',
      async (durableWrites) => {
        const file = await under.run(disk.open('a/f', { create: true, durableWrites }))
        await under.run(file.write(0, [Buffer.from('0123'), Buffer.alloc(0), Buffer.from('456789')]))
        await under.run(file.write(3, [Buffer.from('abc')]))
        await under.run(file.write(12, [Buffer.from('x')]))
        await under.run(file.write(0, []))
        await under.run(file.sync())
        expect(text(file.readSync(0, 100))).toBe('012abc6789\0\0x')
        expect(text(file.readSync(4, 3))).toBe('bc6')
        expect(text(file.readSync(11, 10))).toBe('\0x')
        expect(text(file.readSync(13, 10))).toBe('')
        await expect(under.run(disk.readFile('a/f')).then(text)).resolves.toBe('012abc6789\0\0x')
        await under.run(file.close())
      },
    )

    test('more chunks than one system call takes are written whole', async () => {
      const file = await under.run(disk.open('a/f', { create: true }))
      const chunks = Array.from({ length: 3_000 }, (_, at) => Buffer.from(`${at},`))
      await under.run(file.write(5, chunks))
      expect(text(file.readSync(5, 100_000))).toBe(text(Buffer.concat(chunks)))
      await under.run(file.close())
    })

    test('a file can be cut and extended with zeros', async () => {
      const file = await under.run(disk.open('a/f', { create: true }))
      await under.run(file.write(0, [Buffer.from('abcdef')]))
      await under.run(file.truncate(3))
      await under.run(file.truncate(5))
      await under.run(file.sync())
      expect(text(file.readSync(0, 10))).toBe('abc\0\0')
      await under.run(file.close())
    })

    test('opening again keeps the content, and two descriptors see the same file', async () => {
      const first = await under.run(disk.open('a/f', { create: true }))
      await under.run(first.write(0, [Buffer.from('one')]))
      const second = await under.run(disk.open('a/f', { create: true, durableWrites: true }))
      await under.run(second.write(3, [Buffer.from('two')]))
      expect(text(first.readSync(0, 10))).toBe('onetwo')
      await under.run(first.close())
      await under.run(second.close())
    })

    test('a file is replaced as a whole, also by a shorter one and over what an interrupted replacement left', async () => {
      await under.run(disk.writeFileAtomic('a/f', Buffer.from('a long content')))
      const left = await under.run(disk.open('a/f.tmp', { create: true }))
      await under.run(left.write(0, [Buffer.from('a much longer content that was never renamed')]))
      await under.run(left.close())
      await under.run(disk.writeFileAtomic('a/f', Buffer.from('short')))
      await expect(under.run(disk.readFile('a/f')).then(text)).resolves.toBe('short')
      await expect(under.run(disk.list('a'))).resolves.toEqual(['b', 'f'])
    })

    test('a removed file is gone for those who open it, and its directory can be synced', async () => {
      await under.run(disk.writeFileAtomic('a/f', Buffer.from('1')))
      await under.run(disk.remove('a/f'))
      await under.run(disk.syncDirectory('a'))
      await expect(under.run(disk.readFile('a/f'))).resolves.toBeUndefined()
      await expect(under.run(disk.list('a'))).resolves.toEqual(['b'])
    })
  })
}
