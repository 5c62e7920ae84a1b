// Runs the real insid in a directory of its own and remembers what it printed.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import type { Writable } from 'node:stream'

const INSID = path.resolve(import.meta.dirname, '../../src/bin/insid.ts')

export interface InsidProcess {
  readonly pid: number
  readonly output: { readonly stdout: string; readonly stderr: string }
  kill(signal: NodeJS.Signals): void
  /** Null unless it was asked for. */
  readonly stdin: Writable | null
  /** Resolves when the process has ended and its output was read. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>
}

export function startInsid(
  words: readonly string[],
  options: {
    readonly cwd: string
    readonly environment?: Readonly<Record<string, string>>
    /** Whether somebody writes to it; else its input is at its end. */
    readonly hasStdin?: boolean
  },
): InsidProcess {
  const child = spawn(process.execPath, [INSID, ...words], {
    cwd: options.cwd,
    env: { PATH: process.env['PATH'], ...options.environment },
    stdio: [options.hasStdin === true ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout?.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()))
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
  }))
  return { pid: child.pid ?? 0, output, ended, stdin: child.stdin, kill: (signal) => void child.kill(signal) }
}

/** Runs insid to its end. */
export async function runInsid(
  words: readonly string[],
  options: { readonly cwd: string; readonly environment?: Readonly<Record<string, string>> },
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { ended, output } = startInsid(words, options)
  const { code } = await ended
  return { code, ...output }
}
