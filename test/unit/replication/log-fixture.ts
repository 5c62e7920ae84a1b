// Entries for tests of the log.
import type { Entry, LogIndex, Term } from '../../../src/raft/types.ts'

/** A command whose data tells index and term apart. */
export function entryOf(index: LogIndex, term: Term, sizeBytes = 40): Entry & { readonly data: Buffer } {
  return { index, term, kind: 'command', data: Buffer.alloc(sizeBytes, `${index}.${term};`) }
}
