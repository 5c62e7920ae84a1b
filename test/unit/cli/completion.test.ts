// Completion scripts: valid in their shells, and complete.
import { spawnSync } from 'node:child_process'
import { COMPLETIONS } from '../../../src/cli/completion.ts'
import { wordsAfter } from '../../../src/cli/commands.ts'
import { GLOBAL_FLAGS } from '../../../src/cli/global-flags.ts'
import { run } from './run.ts'

const script = (shell: string): string => COMPLETIONS.get(shell)?.() ?? ''
const isInstalled = (shell: string): boolean => spawnSync(shell, ['--version']).error === undefined

/** What bash offers after `typed`; its last word is the one being completed. */
function offered(...typed: readonly string[]): string[] {
  const setup = `COMP_WORDS=(insic ${typed.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${typed.length}; _insic; printf '%s\\n' "\${COMPREPLY[@]}"`
  const ran = spawnSync('bash', ['-c', `${script('bash')}\n${setup}`], { encoding: 'utf8' })
  expect(ran.stderr).toBe('')
  return ran.stdout.split('\n').filter((line) => line !== '')
}

test.each([...COMPLETIONS.keys()])('the script for %s has every first word and every flag', (shell) => {
  const text = script(shell)
  for (const word of wordsAfter([])) expect(text).toContain(word)
  for (const flag of GLOBAL_FLAGS) expect(text).toContain(flag.name)
})

test.each(['bash', 'zsh', 'fish'])('the script for %s is accepted by the shell, where it is installed', (shell) => {
  if (!isInstalled(shell)) return
  const ran = spawnSync(shell, ['-n'], { input: script(shell), encoding: 'utf8' })
  expect({ status: ran.status, stderr: ran.stderr }).toEqual({ status: 0, stderr: '' })
})

test.each([
  [[''], wordsAfter([])],
  [['it'], ['iterate']],
  [
    ['cache', 'iterate', ''],
    ['prefix', 'entries'],
  ],
  [['--root', '--config', 'x.yaml', 'admin', 'ins'], ['insight']],
  [
    ['admin', 'insight', 'entity'],
    ['entity', 'entity-by-alias'],
  ],
  [['--r'], ['--root']],
  [
    ['-o', ''],
    ['table', 'json'],
  ],
  [
    ['api', 'set-limits', 'insi_k', '--rps'],
    ['--rps-data', '--rps-event'],
  ],
  [['watch', 'user:', '--s'], ['--since']],
  [['set', 'key', 'value', '--'], ['--ttl']],
  [['get', ''], []],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish'],
  ],
  [
    ['log', 'level', ''],
    ['debug', 'info', 'warn', 'error'],
  ],
  [['help', 'iter'], ['iterate']],
  [
    ['help', 'cache', 'iterate', ''],
    ['prefix', 'entries'],
  ],
])('bash offers after %j: %j', (typed, words) => {
  expect(offered(...typed).sort()).toEqual([...words].sort())
})

test('a shell without a script is refused', async () => {
  const ran = await run(['completion', 'tcsh'])
  expect(ran).toMatchObject({
    code: 1,
    stderr: "Error: no completion for the shell 'tcsh': there is one for bash, zsh, fish.\n",
  })
})
