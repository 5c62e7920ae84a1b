// The commands on events.
import type { Argument, Command } from '../command.ts'

const TOPIC: Argument = { name: 'topic', meaning: 'The topic.' }

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
    args: [{ name: 'topic', meaning: 'The topic; * stands for one word between dots, a final > for all that follow.' }],
    access: 'key',
    failure: 'Subscription failed',
    examples: [
      { line: 'insic subscribe orders', meaning: 'Received event on topic ...' },
      { line: 'insic -o json subscribe orders | jq .data', meaning: 'one JSON object a line' },
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
