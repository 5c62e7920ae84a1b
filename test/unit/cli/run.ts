// Runs command lines of insic within the test process and keeps what they print.
import { systemClock } from '../../../src/base/clock.ts'
import { runCli } from '../../../src/cli/main.ts'

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** How diagnostics of `run` begin: the clock stands still. */
export const TIME = 'time=2023-11-14T22:13:20.000Z'

/** Runs `words` with exactly these variables. */
export async function run(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  options: {
    readonly isColoured?: boolean
    readonly interruption?: AbortSignal
    /** What is on stdin. */
    readonly stdin?: string
    /** A person types it. */
    readonly isTerminal?: boolean
    /** Who looks at stderr on a terminal, while the command runs. */
    readonly watch?: (stderr: string) => void
  } = {},
): Promise<Ran> {
  let stdout = ''
  let stderr = ''
  const code = await runCli(words, {
    stdout: { write: (text) => (stdout += text) },
    stderr: {
      write: (text) => {
        stderr += text
        options.watch?.(stderr)
      },
      isTTY: options.watch !== undefined,
    },
    input: {
      isTerminal: options.isTerminal ?? false,
      readText: async () => options.stdin ?? '',
      readLine: async () => options.stdin?.split('\n')[0],
    },
    isColoured: options.isColoured ?? false,
    environment,
    interruption: () => options.interruption ?? new AbortController().signal,
    clock: { ...systemClock, nowMs: () => 1_700_000_000_000 },
  })
  return { code, stdout, stderr }
}
