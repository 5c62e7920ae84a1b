// Command lines of the project's own programs.
import { spawnSync } from 'node:child_process'

function run(program: string, ...words: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...words], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

describe.each(['scripts/sim.ts', 'bench/bench.ts'])('%s', (program) => {
  test('explains itself', () => {
    const ran = run(program, '--help')
    expect(ran).toMatchObject({ status: 0, stderr: '' })
    expect(ran.stdout).toMatch(/^npm run \w+ -- \[options\]/)
  })

  test.each([
    [['--bogus'], /^Unknown option '--bogus'/],
    [[program.startsWith('bench') ? '--runs' : '--seeds', '0'], /takes a whole number of at least 1, not '0'/],
  ])('refuses %j in a line, without a stack', (words, fault) => {
    const ran = run(program, ...words)
    expect(ran.status).toBe(2)
    expect(ran.stderr).toMatch(fault)
    expect(ran.stderr).not.toMatch(/^ +at /m)
  })
})
