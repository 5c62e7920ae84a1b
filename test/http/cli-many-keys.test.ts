// insic against a node: expiry, many keys at once, several operations at once, watching.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { runCli } from '../../src/cli/main.ts'
import { WATCH_UNWATCHED_BYTES_MAX } from '../../src/contract/limits.ts'
import { eventually } from '../support/eventually.ts'
import { HttpNode } from '../support/http-node.ts'
import { run } from '../unit/cli/run.ts'
import type { Ran } from '../unit/cli/run.ts'

let node: HttpNode
let key: string
let folder: string

beforeAll(async () => {
  node = await HttpNode.start()
  folder = await mkdtemp(path.join(tmpdir(), 'insic-'))
})
afterAll(async () => {
  await node.stop()
  await rm(folder, { recursive: true })
})
beforeEach(async () => {
  key = await node.createKey()
})

const environment = (): Record<string, string> => ({
  INSI_PUBLIC_ADDRESS: `127.0.0.1:${node.port('public')}`,
  INSI_API_KEY: key,
})

function insic(line: string, options: Parameters<typeof run>[2] = {}): Promise<Ran> {
  return run(line.split(' '), environment(), options)
}

/** What a line prints; fails unless it exits 0. */
async function printed(line: string, options: Parameters<typeof run>[2] = {}): Promise<string> {
  const ran = await insic(line, options)
  if (ran.code !== 0) throw new Error(`insic ${line} exited ${ran.code}: ${ran.stderr}`)
  return ran.stdout
}

async function json(line: string, options: Parameters<typeof run>[2] = {}): Promise<Record<string, unknown>> {
  return JSON.parse(await printed(`-o json ${line}`, options)) as Record<string, unknown>
}

describe.each([
  ['values', ''],
  ['cache', 'cache '],
])('%s', (_name, space) => {
  const in_ = (line: string): string => `${space}${line}`

  test('expiry is shown, set, set anew and taken away', async () => {
    await printed(in_('set a 1 --ttl 30m'))
    expect(await printed(in_('ttl a'))).toMatch(/^(30m0s|29m59(\.\d+)?s)\n$/)
    await printed(in_('expire a 1h30m'))
    expect(await printed(in_('ttl a'))).toMatch(/^1h(30m0s|29m59(\.\d+)?s)\n$/)
    expect(await json(in_('ttl a'))).toEqual({
      key: 'a',
      ttl_ms: expect.any(Number),
      expires_at: expect.stringMatching(/Z$/),
      revision: expect.any(Number),
    })
    expect(await printed(in_('persist a'))).toBe('OK\n')
    expect(await printed(in_('ttl a'))).toBe('never\n')
    expect(await json(in_('ttl a'))).toMatchObject({ ttl_ms: null, expires_at: null })
  })

  test('expiry of a key that does not exist, and what is no duration, fail', async () => {
    for (const line of ['ttl none', 'expire none 5s', 'persist none']) {
      const ran = await insic(in_(line))
      expect(ran).toMatchObject({ code: 1, stdout: '' })
      expect(ran.stderr).toMatch(/^Error: Key 'none' not found( in cache)?\.\n$/)
    }
    for (const text of ['30', '0s', '-5s', 'soon']) {
      expect((await insic(in_(`expire a ${text}`))).stderr).toContain(`'${text}' is no duration`)
    }
    expect((await insic(in_('set a 1 --ttl 5'))).stderr).toContain("'5' is no duration")
    expect((await insic(in_('set a 1 --ttl'))).code).toBe(2)
  })

  test('a flag is one only where no key and no value can stand', async () => {
    await printed(in_('set a --ttl'))
    expect(await printed(in_('get a'))).toBe('--ttl\n')
    await printed(in_('set -5 -7'))
    expect(await printed(in_('get -5'))).toBe('-7\n')
    expect((await insic(in_('set a b --tll 5s'))).code).toBe(1)
  })

  test('a swap by revision takes place only while nobody has written the key', async () => {
    await printed(in_('cas a 0 first --by-revision'))
    const { revision } = await json(in_('ttl a'))
    await printed(in_(`cas a ${String(revision)} second --by-revision --ttl 5m`))
    expect(await printed(in_('get a'))).toBe('second\n')
    expect(await printed(in_('ttl a'))).not.toBe('never\n')
    const late = await insic(in_(`cas a ${String(revision)} third --by-revision`))
    expect(late.stderr).toBe(`Conflict: Key 'a' does not have the revision ${String(revision)} any more.\n`)
    expect((await insic(in_('cas a 0 third --by-revision'))).stderr).toBe("Conflict: Key 'a' exists.\n")
    expect((await insic(in_('cas a x third --by-revision'))).stderr).toContain("Invalid revision 'x'")
  })

  test('entries are listed with their values: a page, behind a key, backwards, all, and as JSON', async () => {
    for (const n of [1, 2, 3]) await printed(in_(`set p:${n} v${n}`))
    await run([...space.split(' ').filter(Boolean), 'set', 'p:4', 'a\tb\nc\\'], environment())
    expect(await printed(in_('iterate entries p:'))).toBe('p:1\tv1\np:2\tv2\np:3\tv3\np:4\ta\\tb\\nc\\\\\n')
    const page = await insic(in_('iterate entries p: --limit 2'))
    expect(page.stdout).toBe('p:1\tv1\np:2\tv2\n')
    expect(page.stderr).toMatch(/msg="There are more" after=p:2\n$/)
    expect(await printed(in_('iterate entries p: --limit 1 --after p:2'))).toBe('p:3\tv3\n')
    expect(await printed(in_('iterate entries p: --reverse --limit 2'))).toBe('p:4\ta\\tb\\nc\\\\\np:3\tv3\n')
    expect((await printed(in_('iterate entries p: --limit 3 --all'))).split('\n')).toHaveLength(5)
    const pages = (await printed(in_('iterate entries p: --limit 3 --all -o json'))).trimEnd().split('\n')
    expect(pages).toHaveLength(2)
    expect(JSON.parse(pages[0] ?? '')).toMatchObject({ next: 'p:3', as_of: expect.any(Number) })
    expect(JSON.parse(pages[1] ?? '')).toMatchObject({
      entries: [{ key: 'p:4', value: 'a\tb\nc\\', revision: expect.any(Number), expires_at: null }],
      next: null,
    })
    expect(await printed(in_('count p:'))).toBe('4\n')
    expect(await json(in_('count none'))).toEqual({ count: 0 })
  })

  test('a range is removed only with --yes, or when a person agrees', async () => {
    for (const n of [1, 2, 3]) await printed(in_(`set p:${n} v`))
    await printed(in_('set q v'))
    const refused = await insic(in_('delete-range p:'))
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toBe('Error: this would remove 3 keys: give --yes after the prefix to do it.\n')
    const declined = await insic(in_('delete-range p:'), { isTerminal: true, stdin: 'no\n' })
    expect(declined).toMatchObject({ code: 1, stderr: expect.stringContaining('nothing was removed') })
    expect(await printed(in_('count p:'))).toBe('3\n')
    expect(await printed(in_('delete-range p:2'), { isTerminal: true, stdin: 'yes\n' })).toBe('Removed 1 key.\n')
    expect(await json(in_('delete-range p: --yes'))).toEqual({ removed: 2 })
    expect((await insic(in_('delete-range * --yes'))).stderr).toBe(
      'Error: prefix cannot be empty: name what to remove\n',
    )
    expect(await printed(in_('delete-range p:'))).toBe('Removed 0 keys.\n')
    expect(await printed(in_('iterate prefix *'))).toBe('q\n')
  })

  test('a watch prints changes, goes on with --since, and ends without an error when interrupted', async () => {
    const first = startWatch(in_('watch p:'))
    await eventually('it watches', () => (first.stderr.includes('msg="Watching" since=') ? true : undefined))
    await printed(in_('set p:1 one'))
    await printed(in_('set q two'))
    await printed(in_('delete p:1'))
    await eventually('both changes', () => (first.lines().length === 2 ? true : undefined))
    first.interrupt()
    expect(await first.code).toBe(0)
    const [set = '', gone = ''] = first.lines()
    expect(set).toMatch(/^\d+\tset\tp:1\tone$/)
    expect(gone).toMatch(/^\d+\tdelete\tp:1$/)
    expect(first.stderr).toContain(`since=${gone.split('\t')[0]}\n`)

    const resumed = startWatch(in_(`watch p: --since ${set.split('\t')[0]} -o json`))
    await eventually('the deletion again', () => (resumed.lines().length === 1 ? true : undefined))
    resumed.interrupt()
    expect(await resumed.code).toBe(0)
    expect(JSON.parse(resumed.lines()[0] ?? '')).toEqual({
      revision: Number(gone.split('\t')[0]),
      changes: [{ key: 'p:1', value: null, expires_at: null }],
    })
    expect(resumed.stderr).toBe('')
  })
})

interface RunningWatch {
  readonly code: Promise<number>
  stderr: string
  lines(): string[]
  interrupt(): void
}

function startWatch(line: string): RunningWatch {
  const controller = new AbortController()
  let stdout = ''
  const running: RunningWatch = {
    stderr: '',
    lines: () => stdout.split('\n').slice(0, -1),
    interrupt: () => controller.abort(),
    code: runCli(line.split(' '), {
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (running.stderr += text) },
      input: { isTerminal: false, readText: async () => '', readLine: async () => undefined },
      isColoured: false,
      environment: environment(),
      interruption: () => controller.signal,
      clock: systemClock,
    }),
  }
  return running
}

test('a watch that begins too early fails and says what to do', async () => {
  await printed('set a 1')
  const value = 'x'.repeat(1_000_000)
  for (let sizeBytes = 0; sizeBytes <= WATCH_UNWATCHED_BYTES_MAX; sizeBytes += value.length) {
    await node.call('public', '/db/api/v1/set', { method: 'POST', token: key, body: { key: 'a', value } })
  }
  const ran = await insic('watch a --since 1')
  expect(ran).toMatchObject({ code: 1, stdout: '' })
  expect(ran.stderr).toContain('as_of')
})

test('a batch from a file, from a list and from stdin: every operation has its line', async () => {
  await printed('set taken x')
  const operations = [
    { op: 'set', key: 'a', value: '1', ttl_ms: 60_000 },
    { op: 'setnx', key: 'taken', value: 'y' },
    { op: 'bump', key: 'n', value: '5' },
    { op: 'publish', topic: 't', data: 1 },
  ]
  const file = path.join(folder, 'operations.json')
  await writeFile(file, JSON.stringify({ operations }))
  const ran = await insic(`batch ${file}`)
  expect(ran.code).toBe(1)
  expect(ran.stdout).toMatch(/^OK {2}set a\nKEY_EXISTS {2}setnx taken: .+\nOK {2}bump n: 5\nOK {2}publish t: \d+\n$/)
  expect(await printed('batch', { stdin: '[{"op":"delete","key":"a"}]' })).toBe('OK  delete a\n')
  const result = await json('batch -', { stdin: '[{"op":"bump","key":"n","value":"1"}]' })
  expect(result).toEqual({ results: [{ ok: true, revision: expect.any(Number), data: '6' }] })
})

test('a number that a published event holds keeps its digits', async () => {
  const first = await node.call('public', '/db/api/v1/events', { token: key, body: { topic: 't', data: 0 } })
  expect(first.status).toBe(200)
  await printed('batch', { stdin: '[{"op":"publish","topic":"t","data":12345678901234567890}]' })
  const controller = new AbortController()
  const subscribed = run(['-o', 'json', 'subscribe', 't', '--since', '0'], environment(), {
    interruption: controller.signal,
  })
  await eventually('the limits show a subscriber', async () => {
    const { usage } = await json('api limits')
    return (usage as { subscribers: number }).subscribers === 1 ? true : undefined
  })
  controller.abort()
  const lines = (await subscribed).stdout.trimEnd().split('\n')
  expect(lines.map((line) => (JSON.parse(line) as { id: unknown }).id)).toEqual([
    expect.any(Number),
    expect.any(Number),
  ])
})

test('a txn says which list was carried out, by its exit code too', async () => {
  const lock = { compare: [{ op: 'missing', key: 'lock' }], then: [{ op: 'set', key: 'lock', value: 'me' }] }
  const stdin = JSON.stringify({ ...lock, else: [{ op: 'bump', key: 'failures', value: '1' }] })
  expect(await insic('txn', { stdin })).toEqual({
    code: 0,
    stdout: 'The comparisons hold: then.\nOK  set lock\n',
    stderr: '',
  })
  expect(await insic('txn', { stdin })).toEqual({
    code: 3,
    stdout: 'A comparison does not hold: else.\nOK  bump failures: 1\n',
    stderr: '',
  })
  const refused = await insic('txn', { stdin: '{"then":[{"op":"setnx","key":"lock","value":"x"}]}' })
  expect(refused.code).toBe(1)
})

test.each([
  ['txn', '{"comapre":[]}', "has a member 'comapre'; there are only compare, then, else"],
  ['txn', '[]', 'holds no object with compare, then, else'],
  ['txn', '{', 'stdin is not JSON'],
  ['batch', '{}', "has no list of operations in 'operations'"],
  ['batch', '"x"', 'holds no object with operations'],
])('%s of %s is refused before anything is sent', async (command, stdin, message) => {
  const ran = await insic(command, { stdin })
  expect(ran).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(message) })
})

test('a file that is not there is named', async () => {
  expect((await insic('batch /nowhere/x.json')).stderr).toMatch(/^Error: cannot read \/nowhere\/x\.json: .*ENOENT/)
})
