// The commands with several operations in one request.
import type { Argument, Command } from '../command.ts'

const FILE: Argument = { name: 'file', meaning: 'JSON; without it, or for -, it is read from stdin.', optional: true }

export const TRANSACTION_COMMANDS: readonly Command[] = [
  {
    path: ['batch'],
    summary: 'Carry out operations in order and in one commit, each for itself.',
    details:
      'The file holds a list of operations, or an object with operations; see "Operations" in docs/API.md. Exits with 1 when one was refused: the others are carried out all the same.',
    args: [FILE],
    access: 'key',
    failure: 'Batch failed',
    examples: [
      { line: 'insic batch operations.json', meaning: 'one line for each operation' },
      { line: `echo '[{"op":"set","key":"a","value":"1"}]' | insic batch`, meaning: 'OK  set a' },
    ],
    load: async () => (await import('../transactions.ts')).batch,
  },
  {
    path: ['txn'],
    summary: 'Compare, then carry out one of two lists of operations: all of it or nothing.',
    details:
      'The file holds an object with compare, then and else; see "Operations" in docs/API.md. Exits with 0 when every comparison held, 3 when one did not, 1 when an operation was refused: then nothing was changed.',
    args: [FILE],
    access: 'key',
    failure: 'Txn failed',
    examples: [
      { line: 'insic txn transfer.json', meaning: 'says which list was carried out' },
      {
        line: `echo '{"compare":[{"op":"missing","key":"lock"}],"then":[{"op":"set","key":"lock","value":"me"}]}' | insic txn`,
        meaning: 'takes a lock',
      },
    ],
    load: async () => (await import('../transactions.ts')).txn,
  },
]
