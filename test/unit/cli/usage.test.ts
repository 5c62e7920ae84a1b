// Words that are no command line: what is printed, and the exit code.
import { COMMANDS } from '../../../src/cli/commands.ts'
import { nameOf } from '../../../src/cli/command.ts'
import { TIME, run } from './run.ts'

const USAGE = 'Usage: insic [flags] <command> [args...]\n'

test('no command prints usage with every command on stderr and exits 1', async () => {
  const ran = await run([])
  expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 1, stdout: '' })
  expect(ran.stderr.startsWith(USAGE)).toBe(true)
  for (const command of COMMANDS) expect(ran.stderr).toContain(`  ${nameOf(command)} `)
})

test.each(['-h', '--help', '-help'])('%s prints usage on stderr and exits 0', async (flag) => {
  const ran = await run([flag])
  expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 0, stdout: '' })
  expect(ran.stderr.startsWith(USAGE)).toBe(true)
})

test.each([
  ['an unknown command', ['frobnicate'], 'msg="Unknown command" command=frobnicate\n'],
  ['a misspelt command', ['gett', 'k'], 'msg="Unknown command" command=gett hint="did you mean get?"\n'],
  ['an unknown sub-command', ['cache', 'frob'], 'msg="cache: unknown sub-command" given=frob\n'],
  ['a missing sub-command', ['admin', 'insight'], 'msg="admin insight: requires a sub-command"\n'],
  ['an unknown type', ['iterate', 'suffix', 'x'], 'msg="iterate: unknown type" given=suffix\n'],
  ['an unknown type of the cache', ['cache', 'iterate', 'x'], 'msg="cache iterate: unknown type" given=x\n'],
])('%s is diagnosed, then usage, exit 1', async (_name, words, line) => {
  const ran = await run(words)
  expect(ran.code).toBe(1)
  expect(ran.stderr.startsWith(`${TIME} level=ERROR ${line}Usage: insic`)).toBe(true)
})

test.each([
  [['get'], 'get: requires <key>'],
  [['get', 'a', 'b'], 'get: requires <key>'],
  [['set', 'a'], 'set: requires <key> <value>'],
  [['cas', 'a', 'b'], 'cas: requires <key> <old> <new>'],
  [['iterate', 'prefix'], 'iterate prefix: requires <prefix> [offset] [limit]'],
  [['purge', 'x'], 'purge: does not take arguments'],
  [['admin', 'create-key'], 'admin create-key: requires <name>'],
])('%j is a wrong number of arguments: exit 1', async (words, message) => {
  const ran = await run(words)
  expect(ran.code).toBe(1)
  expect(ran.stderr.startsWith(`${TIME} level=ERROR msg="${message}"`)).toBe(true)
  expect(ran.stderr).toContain('Usage: insic')
})

test('a global flag after the command is told where it belongs', async () => {
  const ran = await run(['get', 'k', '--root'])
  expect(ran.stderr).toContain('hint="--root goes before the command: insic --root get"')
})

test.each([
  ['an unknown flag', ['-x', 'get', 'k'], 'flag provided but not defined: -x'],
  ['a boolean', ['--root=maybe', 'get', 'k'], 'invalid boolean value "maybe" for -root: parse error'],
  ['a missing value', ['--config'], 'flag needs an argument: -config'],
  ['a malformed flag', ['---root'], 'bad flag syntax: ---root'],
  ['an unknown format', ['-o', 'xml', 'get', 'k'], 'invalid value "xml" for flag -o: must be table or json'],
  [
    'a flag of set-limits',
    ['--root', 'api', 'set-limits', 'k', '--disk', 'many'],
    'invalid value "many" for flag -disk: parse error',
  ],
  [
    'a large flag of set-limits',
    ['--root', 'api', 'set-limits', 'k', '--mem', '9007199254740993'],
    'invalid value "9007199254740993" for flag -mem: value out of range',
  ],
])('%s that cannot be read: message, list of flags, exit 2', async (_name, words, message) => {
  const ran = await run(words)
  expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 2, stdout: '' })
  expect(ran.stderr.startsWith(`${message}\nUsage of `)).toBe(true)
})

test.each([
  ['no key', []],
  ['stray words', ['insi_k', 'more']],
])('set-limits with %s: diagnostic, list of its flags, exit 1', async (_name, words) => {
  const ran = await run(['--root', 'api', 'set-limits', ...words])
  expect(ran.code).toBe(1)
  expect(ran.stderr).toContain('Usage of api set-limits:\n  --disk n\n')
})

test.each(COMMANDS.map((command) => [nameOf(command), command] as const))(
  'insic %s --help explains it with examples',
  async (name, command) => {
    const ran = await run([...command.path, '--help'])
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' })
    expect(ran.stdout).toContain(command.summary)
    for (const example of command.examples) expect(ran.stdout).toContain(example.line)
    expect((await run(['help', ...name.split(' ')])).stdout).toBe(ran.stdout)
  },
)

test('--help is welcome after the arguments too', async () => {
  expect((await run(['get', 'k', '--help'])).stdout).toContain('Print the value of a key.')
})

test('help explains everything, a group, and nothing that does not exist', async () => {
  expect((await run(['help'])).stdout.startsWith(USAGE)).toBe(true)
  const group = (await run(['help', 'alias'])).stdout
  expect(group).toContain('alias list')
  expect(group).not.toContain('cache get')
  expect(await run(['help', 'frob'])).toMatchObject({ code: 1, stderr: "Error: there is no command 'frob'.\n" })
})

test('version prints the release', async () => {
  expect((await run(['version'])).stdout).toMatch(/^insi \d+\.\d+\.\d+ \(Node\.js \d+\./)
})
