// The simulated disk itself: what a power failure loses and keeps, and that a seed repeats. It tests others, so it is tested.
import type { Disk } from '../../../src/storage/disk.ts'
import { createSimDisk, type SimDiskFixture } from '../../sim/sim-disk-fixture.ts'

const SEEDS = 200

async function mounted(seed: number): Promise<{ fixture: SimDiskFixture; disk: Disk }> {
  const fixture = createSimDisk(seed)
  const disk = fixture.disk.mount()
  await fixture.run(disk.makeDirectory('d'))
  return { fixture, disk }
}

/** What is in the file after a crash, over many seeds: how often each content was seen. */
async function contentsAfter(
  prepare: (fixture: SimDiskFixture, disk: Disk) => Promise<void>,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for (let seed = 0; seed < SEEDS; seed++) {
    const { fixture, disk } = await mounted(seed)
    await prepare(fixture, disk)
    fixture.disk.crash()
    const content = await fixture.run(fixture.disk.mount().readFile('d/f'))
    const name =
      content === undefined
        ? 'missing'
        : content.toString('latin1').replace(/(.)\1+/gs, (run, each) => `${each}*${run.length}`)
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}

test('synced content under a synced name survives every crash', async () => {
  const counts = await contentsAfter(async (fixture, disk) => {
    const file = await fixture.run(disk.open('d/f', { create: true }))
    await fixture.run(file.write(0, [Buffer.from('ab')]))
    await fixture.run(file.sync())
    await fixture.run(disk.syncDirectory('d'))
  })
  expect([...counts.keys()]).toEqual(['ab'])
})

test('a name that was not synced may be missing, whatever was written under it', async () => {
  const counts = await contentsAfter(async (fixture, disk) => {
    const file = await fixture.run(disk.open('d/f', { create: true }))
    await fixture.run(file.write(0, [Buffer.from('ab')]))
    await fixture.run(file.sync())
  })
  expect([...counts.keys()].sort()).toEqual(['ab', 'missing'])
})

test('of what was not synced any sectors may be there, and only those', async () => {
  const counts = await contentsAfter(async (fixture, disk) => {
    const file = await fixture.run(disk.open('d/f', { create: true, durableWrites: true }))
    await fixture.run(disk.syncDirectory('d'))
    await fixture.run(file.write(0, [Buffer.from('old')]))
    void file.write(256, [Buffer.alloc(256, 'x'), Buffer.alloc(512, 'y'), Buffer.alloc(512, 'z')])
  })
  const gap = '\0*253'
  expect([...counts.keys()].sort()).toEqual(
    [
      'old',
      `old${gap}x*256`,
      `old${gap}x*256y*512`,
      `old${gap}x*256y*512z*512`,
      `old${gap}x*256\0*512z*512`,
      `old\0*509y*512`,
      `old\0*509y*512z*512`,
      `old\0*1021z*512`,
    ].sort(),
  )
})

test('an atomic replacement shows the old or the new content, never a part and never nothing', async () => {
  let steps = 0
  const counts = await contentsAfter(async (fixture, disk) => {
    await fixture.run(disk.writeFileAtomic('d/f', Buffer.from('old')))
    void disk.writeFileAtomic('d/f', Buffer.from('new'))
    await fixture.steps(steps++ % 9)
  })
  expect([...counts.keys()].sort()).toEqual(['new', 'old'])
})

test('a killed process leaves everything it wrote, and hears nothing any more', async () => {
  const { fixture, disk } = await mounted(1)
  const file = await fixture.run(disk.open('d/f', { create: true }))
  let completed = false
  void file.write(0, [Buffer.from('abc')]).then(() => {
    completed = true
  })
  fixture.disk.kill()
  void file.write(0, [Buffer.from('xyz')])
  await fixture.steps(10)
  expect(completed).toBe(false)
  await expect(fixture.run(fixture.disk.mount().readFile('d/f'))).resolves.toEqual(Buffer.from('abc'))
})

test('a failed sync is reported once, and what it should have made durable is lost even after a later sync', async () => {
  const { fixture, disk } = await mounted(1)
  const file = await fixture.run(disk.open('d/f', { create: true }))
  await fixture.run(disk.syncDirectory('d'))
  await fixture.run(file.write(0, [Buffer.from('abc')]))
  fixture.disk.failNextSync()
  await expect(fixture.run(file.sync())).rejects.toMatchObject({ code: 'EIO' })
  await fixture.run(file.sync())
  expect(file.readSync(0, 3).toString()).toBe('abc')
  fixture.disk.crash()
  await expect(fixture.run(fixture.disk.mount().readFile('d/f'))).resolves.toEqual(Buffer.alloc(0))
})

test('a full disk takes what fits and rejects the write', async () => {
  const { fixture, disk } = await mounted(1)
  const file = await fixture.run(disk.open('d/f', { create: true }))
  fixture.disk.freeBytes = 5
  await expect(fixture.run(file.write(0, [Buffer.from('0123456789')]))).rejects.toMatchObject({ code: 'ENOSPC' })
  expect(file.readSync(0, 100).toString()).toBe('01234')
  await fixture.run(file.write(0, [Buffer.from('abcde')]))
})

test('the same seed repeats a crash exactly', async () => {
  const crashed = async (seed: number): Promise<unknown> => {
    const { fixture, disk } = await mounted(seed)
    const file = await fixture.run(disk.open('d/f', { create: true }))
    await fixture.run(disk.syncDirectory('d'))
    await fixture.run(file.write(0, [fixture.random.bytes(20_000)]))
    fixture.disk.crash()
    return [
      fixture.clock.monotonicMs(),
      [...fixture.disk.files.snapshot()].map(([name, bytes]) => [name, bytes.toString('hex')]),
    ]
  }
  for (let seed = 0; seed < 10; seed++) expect(await crashed(seed)).toEqual(await crashed(seed))
  expect(await crashed(1)).not.toEqual(await crashed(2))
})
