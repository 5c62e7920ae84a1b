// The commands that look at running nodes.
import { LOG_LEVELS } from '../../base/log.ts'
import type { Command } from '../command.ts'

export const OBSERVING_COMMANDS: readonly Command[] = [
  {
    path: ['top'],
    summary: 'Watch the nodes, their lag, the load and the tenants that use the most.',
    details: 'Is drawn again every two seconds until interrupted; with -o json or --once it is printed once.',
    args: [],
    flags: [
      { name: 'once', type: 'boolean', meaning: 'Print one table and end.' },
      { name: 'rows', type: 'integer', defaultText: '10', meaning: 'Tenants to show.' },
    ],
    access: 'root',
    failure: 'Watching the cluster failed',
    examples: [
      { line: 'insic --root top', meaning: 'Ctrl-C ends it' },
      { line: 'insic --root -o json top', meaning: 'all of it once, for programs' },
    ],
    load: async () => (await import('../top.ts')).top,
  },
  {
    path: ['log', 'level'],
    summary: 'Show or change how much a node logs, while it runs.',
    details: 'Is about the node that answers: name it with --target. A changed level holds until the node stops.',
    args: [
      {
        name: 'level',
        meaning: `${LOG_LEVELS.join(', ')} (default: only show it).`,
        choices: LOG_LEVELS,
        optional: true,
      },
    ],
    access: 'root',
    failure: 'The log level is unknown',
    examples: [
      { line: 'insic --root --target node1 log level debug', meaning: 'every request of node1 in its log' },
      { line: 'insic --root --target node1 log level', meaning: 'the level now' },
    ],
    load: async () => (await import('../logging.ts')).logLevel,
  },
]
