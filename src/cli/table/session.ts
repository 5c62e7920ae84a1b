// The commands about the connection and about insic itself.
import { SHELLS } from '../command.ts'
import type { Command } from '../command.ts'

export const SESSION_COMMANDS: readonly Command[] = [
  {
    path: ['ping'],
    summary: 'Check your key and say which node answers.',
    args: [],
    access: 'key',
    failure: 'Ping failed',
    examples: [
      { line: 'insic ping', meaning: 'entity, leader, node, uptime' },
      { line: 'insic --target node2 ping', meaning: 'asks node2' },
    ],
    load: async () => (await import('../session.ts')).ping,
  },
  {
    path: ['root-key'],
    summary: 'Print the root key that follows from the instance secret.',
    args: [],
    access: 'configuration',
    failure: 'Deriving the root key failed',
    examples: [{ line: 'ROOT_KEY=$(insic root-key)', meaning: 'with ./cluster.yaml or INSI_INSTANCE_SECRET' }],
    load: async () => (await import('../session.ts')).rootKey,
  },
  {
    path: ['completion'],
    summary: 'Print a completion script.',
    args: [{ name: 'shell', meaning: `${SHELLS.join(', ')}.`, choices: SHELLS }],
    access: 'nothing',
    failure: 'Completion failed',
    examples: [
      { line: 'source <(insic completion bash)', meaning: 'for this shell' },
      { line: 'insic completion zsh > "${fpath[1]}/_insic"', meaning: 'for every zsh' },
      { line: 'insic completion fish > ~/.config/fish/completions/insic.fish', meaning: 'for every fish' },
    ],
    load: async () => (await import('../session.ts')).completion,
  },
  {
    path: ['help'],
    summary: 'Explain insic, or one command.',
    args: [{ name: 'command', meaning: 'The words of the command.', optional: true, isRepeated: true }],
    access: 'nothing',
    failure: 'Help failed',
    examples: [{ line: 'insic help cache get', meaning: 'the same as insic cache get --help' }],
    load: async () => (await import('../session.ts')).help,
  },
  {
    path: ['version'],
    summary: 'Print the release of insic and of Node.js.',
    args: [],
    access: 'nothing',
    failure: 'Version failed',
    examples: [{ line: 'insic version', meaning: 'insi 0.1.0 ...' }],
    load: async () => (await import('../session.ts')).version,
  },
]
