// One process at a time in a data directory.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { lockDirectory } from '../../../src/storage/directory-lock.ts'

const SOURCE = path.resolve(import.meta.dirname, '../../../src/storage/directory-lock.ts')

let home: string
let directory: string
beforeEach(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'insi-lock-'))
  directory = path.join(home, 'node0')
})
afterEach(() => rm(home, { recursive: true, force: true }))

async function take(holder: string): Promise<() => Promise<void>> {
  const taken = await lockDirectory(directory, holder)
  if (!('lock' in taken)) throw new Error(`held by ${taken.heldBy}`)
  return () => taken.lock.release()
}

test('a lock is held once, names its holder, and can be taken again after its release', async () => {
  const release = await take('the first')
  expect(await lockDirectory(directory, 'the second')).toEqual({ heldBy: 'the first' })
  await release()
  const releaseAgain = await take('the second')
  expect(await lockDirectory(directory, 'the third')).toEqual({ heldBy: 'the second' })
  await releaseAgain()
})

test('the directory is made for its owner alone', async () => {
  await (
    await take('me')
  )()
  expect((await stat(directory)).mode & 0o777).toBe(0o700)
})

test('a process that was killed leaves no lock behind', async () => {
  const script = `import { lockDirectory } from ${JSON.stringify(SOURCE)}
    const taken = await lockDirectory(${JSON.stringify(directory)}, 'the child')
    console.log('lock' in taken)
    process.stdin.resume()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exit = once(child, 'exit')
  try {
    const [said] = (await once(child.stdout, 'data')) as [Buffer]
    expect(said.toString()).toBe('true\n')
    expect(await lockDirectory(directory, 'the parent')).toEqual({ heldBy: 'the child' })
  } finally {
    child.kill('SIGKILL')
    await exit
  }
  await (
    await take('the parent')
  )()
}, 20_000)

test('a lock that a power failure damaged is made anew', async () => {
  await (
    await take('before')
  )()
  for (const name of await readdir(path.join(directory, 'lock'))) {
    if (name.startsWith('MANIFEST')) await writeFile(path.join(directory, 'lock', name), 'damaged')
  }
  await (
    await take('after')
  )()
  await rm(path.join(directory, 'lock', 'CURRENT'))
  await writeFile(path.join(directory, 'lock', 'CURRENT'), '')
  await (
    await take('after')
  )()
})

test('a directory that cannot be used is told by the operating system', async () => {
  await writeFile(directory, 'a file')
  await expect(lockDirectory(directory, 'me')).rejects.toMatchObject({
    code: 'STORAGE_FAILED',
    cause: { code: expect.stringMatching(/EEXIST|ENOTDIR/) },
  })
})
