// The answers that applying a command gives.
import type { CommandResult, RejectionCode } from './commands.ts'

export function accepted(
  revision: number,
  more: Omit<CommandResult & { ok: true }, 'ok' | 'revision'> = {},
): CommandResult {
  return { ok: true, revision, ...more }
}

export function rejected(code: RejectionCode, details?: Readonly<Record<string, number>>): CommandResult {
  return details === undefined ? { ok: false, code } : { ok: false, code, details }
}
