// The commands that look at running nodes.
import { LOG_LEVELS } from '../../base/log.ts'
import type { Command } from '../command.ts'

export const OBSERVING_COMMANDS: readonly Command[] = [
  {
    path: ['log', 'level'],
    summary: 'Show or change how much a node logs, while it runs.',
    details: 'Is about the node that answers: name it with --target. A changed level holds until the node stops.',
    args: [{ name: 'level', meaning: `${LOG_LEVELS.join(', ')} (default: only show it).`, optional: true }],
    access: 'root',
    failure: 'The log level is unknown',
    examples: [
      { line: 'insic --root --target node1 log level debug', meaning: 'every request of node1 in its log' },
      { line: 'insic --root --target node1 log level', meaning: 'the level now' },
    ],
    load: async () => (await import('../logging.ts')).logLevel,
  },
]
