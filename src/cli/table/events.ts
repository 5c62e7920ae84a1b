// The commands on events.
import type { Argument, Command } from '../command.ts'
import type { FlagSpec } from '../flags.ts'

const TOPIC: Argument = { name: 'topic', meaning: 'The topic.' }

const SINCE: FlagSpec = {
  name: 'since',
  type: 'integer',
  placeholder: 'id',
  meaning: 'Begin right after this event; 0: with the oldest that is kept. Without it: with the next one.',
}

export const EVENT_COMMANDS: readonly Command[] = [
  {
    path: ['publish'],
    summary: 'Publish an event.',
    args: [TOPIC, { name: 'data', meaning: 'JSON; what is not valid JSON is sent as a string.' }],
    access: 'key',
    failure: 'Publish failed',
    examples: [
      { line: `insic publish orders '{"id":7}'`, meaning: 'sends an object' },
      { line: 'insic publish orders hello', meaning: 'sends the string "hello"' },
    ],
    load: async () => (await import('../events.ts')).publish,
  },
  {
    path: ['subscribe'],
    summary: 'Print events as they come, one a line, until interrupted or until the server closes the stream.',
    details:
      'Events between two ids that are not kept any more are told on stderr. With -o json each event has its id.',
    args: [{ name: 'topic', meaning: 'The topic; * stands for one word between dots, a final > for all that follow.' }],
    flags: [SINCE],
    flagsAround: true,
    access: 'key',
    failure: 'Subscription failed',
    examples: [
      { line: 'insic subscribe orders', meaning: 'Received event on topic ...' },
      { line: 'insic -o json subscribe orders | jq .data', meaning: 'one JSON object a line' },
      { line: 'insic subscribe orders --since 73728', meaning: 'what was published after that event as well' },
    ],
    load: async () => (await import('../events.ts')).subscribe,
  },
  {
    path: ['purge'],
    summary: "End the key's subscriptions on one node.",
    args: [],
    access: 'key',
    failure: 'Purge failed',
    examples: [{ line: 'insic --target node1 purge', meaning: 'those on node1' }],
    load: async () => (await import('../events.ts')).purge,
  },
  {
    path: ['shake'],
    summary: "End the key's subscriptions on all nodes and reset their count.",
    args: [],
    access: 'key',
    failure: 'Shake failed',
    examples: [{ line: 'insic shake', meaning: 'says how many there were' }],
    load: async () => (await import('../events.ts')).shake,
  },
]
