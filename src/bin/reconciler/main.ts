// The command line of insi-reconciler: from words to an exit code.
import { CommanderError } from 'commander'
import { messageOf } from '../../base/errors.ts'
import { buildProgram } from './flags.ts'

/** Resolves with the exit code. */
export async function main(words: readonly string[]): Promise<number> {
  let exitCode = 0
  const program = buildProgram(async (flags) => {
    const { run } = await import('./run.ts')
    exitCode = await run(flags)
  })
  try {
    await program.parseAsync(words, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    process.stderr.write(`insi-reconciler: ${messageOf(error)}\n`)
    return 1
  }
}
