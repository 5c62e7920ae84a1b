// The command line of insid without a running node: what it writes, checks and refuses.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { runInsid } from './insid-process.ts'

let cwd: string
beforeAll(async () => {
  cwd = await mkdtemp(path.join(os.tmpdir(), 'insi-insid-'))
  await writeFile(
    path.join(cwd, 'faulty.yaml'),
    'instanceSecret: hidden-short\ndefaultLeader: nod0\nnodes:\n  node0: { publicBinding: "0.0.0.0:1" }\n',
  )
})
afterAll(() => rm(cwd, { recursive: true, force: true }))

const run = (...words: string[]) => runInsid(words, { cwd })

test('--help shows every flag and examples', async () => {
  const { code, stdout } = await run('--help')
  expect(code).toBe(0)
  for (const flag of [
    '--config',
    '--as',
    '--host',
    '--new-cfg',
    '--check',
    '--set',
    'healthcheck',
    'recover-alone',
    'completion',
  ]) {
    expect(stdout).toContain(flag)
  }
  expect(stdout).toContain('Examples:')
  expect(stdout).not.toContain('--supervised')
}, 30_000)

test('--version prints the version of the package', async () => {
  const { version } = JSON.parse(await readFile(path.resolve(import.meta.dirname, '../../package.json'), 'utf8')) as {
    version: string
  }
  expect(await run('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
}, 30_000)

test.each([
  [[], 'either --host or --as NODE'],
  [['--host', '--as', 'node0'], 'only one of --host and --as NODE'],
  [['--nope'], "unknown option '--nope'"],
  [['--set', 'nonsense', '--host'], 'Write it as NAME=VALUE'],
])(
  '%j is answered with the usage',
  async (words, message) => {
    const { code, stdout, stderr } = await run(...words)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(message)
    expect(stderr).toContain('Usage: insid --host | --as NODE')
  },
  30_000,
)

test('--new-cfg writes a private file that is in order, and never overwrites one', async () => {
  const written = await run('-new-cfg=made/new.yaml')
  expect(written).toMatchObject({ code: 0, stderr: '' })
  const file = path.join(cwd, 'made/new.yaml')
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  const text = await readFile(file, 'utf8')
  const secret = /^instanceSecret: (\S{44})$/m.exec(text)?.[1] ?? 'no secret'
  expect(text).toContain(secret)
  expect(written.stdout).not.toContain(secret)

  const [checked, again] = await Promise.all([
    run('-check', '-host=true', '-config', 'made/new.yaml'),
    run('--new-cfg', 'made/new.yaml'),
  ])
  expect(checked).toEqual({
    code: 0,
    stdout: 'made/new.yaml is in order: 3 nodes (node0, node1, node2), default leader node0\n',
    stderr: '',
  })
  expect(again).toMatchObject({ code: 1, stdout: '' })
  expect(again.stderr).toContain('it exists already')
  expect(await readFile(file, 'utf8')).toBe(text)
}, 30_000)

test('a configuration that is not in order is told in full, and nothing starts', async () => {
  for (const words of [['--check'], ['--host'], ['--as', 'node0']]) {
    const { code, stdout, stderr } = await run(...words, '--config', 'faulty.yaml')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^insid: failed to load configuration from faulty\.yaml: 3 faults\n/)
    expect(stderr).toContain('faulty.yaml:2:16: defaultLeader "nod0" is not one of the nodes: node0')
    expect(stderr).toContain('faulty.yaml:4:3: nodes.node0 has no privateBinding and raftBinding')
    expect(stderr).toContain('openssl rand -base64 32')
    expect(stderr).not.toContain('hidden-short')
  }
}, 30_000)

test('a node that is not in the file is refused with those that are', async () => {
  await run('--new-cfg', 'nodes.yaml')
  const [started, probed] = await Promise.all([
    run('--as', 'nod1', '--config', 'nodes.yaml'),
    run('healthcheck', '--config', 'nodes.yaml'),
  ])
  expect(started).toMatchObject({ code: 1, stdout: '' })
  expect(started.stderr).toContain('Node ID not found in configuration file: nodes.yaml has node0, node1, node2')
  expect(started.stderr).toContain('did you mean "node1"?')
  expect(probed).toMatchObject({ code: 1, stdout: '' })
  expect(probed.stderr).toContain('say which one with --as: node0, node1, node2')
}, 30_000)

test('a port that another program uses, and a data directory that is none, are named with their option', async () => {
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await writeFile(
    path.join(cwd, 'taken.yaml'),
    `instanceSecret: change-me\nnodes:\n  node0: { publicBinding: "127.0.0.1:0", privateBinding: "127.0.0.1:${port}", raftBinding: "127.0.0.1:0" }\n`,
  )
  await writeFile(path.join(cwd, 'file'), '')
  const [taken, noDirectory, dead] = await Promise.all([
    run('--host', '--config', 'taken.yaml', '--home', 'data-taken'),
    run('--host', '--config', 'taken.yaml', '--home', 'file'),
    run('healthcheck', '--config', 'taken.yaml'),
  ])
  await new Promise((resolve) => server.close(resolve))
  expect(taken).toMatchObject({ code: 1, stdout: '' })
  expect(taken.stderr).toContain(
    `insid: node0 cannot listen on 127.0.0.1:${port}: another program uses this port. Stop it, or change nodes.node0.privateBinding in taken.yaml.`,
  )
  expect(noDirectory).toMatchObject({ code: 1, stdout: '' })
  expect(noDirectory.stderr).toContain('insid: node0 cannot start: file/node0 is not a directory.')
  expect(dead.code).toBe(1)
}, 60_000)
