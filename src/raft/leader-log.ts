// How a leader adds to its own log (§5.3). It never changes or cuts what is there (§5.3, Leader Append-Only). Nothing is sent from
// here: replicate.ts finds what each member lacks when the effects are taken.
import type { Core } from './core.ts'
import type { Leadership } from './leadership.ts'
import { ENTRY_OVERHEAD_BYTES } from './uncommitted-tail.ts'
import type { Entry, EntryKind, LogIndex, ProposeResult } from './types.ts'

/** Appends one entry for each of `payloads`, in the current term; returns the last one's index. The log keeps the arrays. */
export function appendAsLeader(
  core: Core,
  lead: Leadership,
  kind: EntryKind,
  payloads: readonly Uint8Array[],
): LogIndex {
  const { term } = core
  const firstIndex = core.log.lastIndex + 1
  const entries: Entry[] = []
  for (let i = 0; i < payloads.length; i++) {
    const data = payloads[i]
    if (data !== undefined) entries.push({ index: firstIndex + i, term, kind, data })
  }
  core.append(entries)
  lead.appendDue = true
  return core.log.lastIndex
}

/**
 * Appends commands, all or none. Refused during a transfer, because the target has to reach the end of the log (thesis §3.10),
 * and when too much is uncommitted, because a leader without a quorum must not fill its memory and disk.
 */
export function proposeCommands(core: Core, commands: readonly Uint8Array[]): ProposeResult {
  const lead = core.leadership
  if (lead === null) return { ok: false, reason: 'not_leader' }
  if (lead.transfer !== null) return { ok: false, reason: 'transferring' }
  let sizeBytes = 0
  for (const command of commands) sizeBytes += command.length + ENTRY_OVERHEAD_BYTES
  if (!lead.uncommitted.accepts(sizeBytes)) return { ok: false, reason: 'overloaded' }
  const index = appendAsLeader(core, lead, 'command', commands)
  lead.uncommitted.add(index, sizeBytes)
  return { ok: true, index, term: core.term }
}
