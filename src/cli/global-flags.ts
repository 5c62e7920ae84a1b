// The flags that stand before the command.
import { CONSISTENCY_MODES } from '../contract/route.ts'
import type { Consistency } from '../contract/route.ts'
import type { Format } from './command.ts'
import { parseFlags } from './flags.ts'
import type { FlagSpec } from './flags.ts'

export const CONFIG_PATH_DEFAULT = 'cluster.yaml'

const FORMATS: readonly string[] = ['table', 'json'] satisfies Format[]

export const GLOBAL_FLAGS: readonly FlagSpec[] = [
  {
    name: 'config',
    type: 'text',
    placeholder: 'path',
    defaultText: CONFIG_PATH_DEFAULT,
    meaning: 'Configuration of the cluster (config mode).',
  },
  {
    name: 'target',
    type: 'text',
    placeholder: 'node',
    meaning: 'Talk to this node of the configuration only. Without it: to the default leader, then to the others.',
  },
  { name: 'root', type: 'boolean', meaning: 'Use the root key, derived from the instance secret.' },
  { name: 'public', type: 'text', placeholder: 'address', meaning: 'Public address of a node (direct mode).' },
  { name: 'private', type: 'text', placeholder: 'address', meaning: 'Private address of a node (direct mode).' },
  {
    name: 'consistency',
    type: 'text',
    placeholder: CONSISTENCY_MODES.join('|'),
    choices: CONSISTENCY_MODES,
    defaultText: CONSISTENCY_MODES[0],
    meaning: 'What reads promise; local may be stale.',
  },
  { name: 'explain', type: 'boolean', meaning: 'Tell on stderr where the time of each request went.' },
  {
    name: 'o',
    type: 'text',
    placeholder: FORMATS.join('|'),
    choices: FORMATS,
    defaultText: 'table',
    meaning: 'Output.',
  },
]

export interface GlobalOptions {
  readonly configPath: string
  readonly target: string
  readonly isRoot: boolean
  readonly publicAddress: string
  readonly privateAddress: string
  readonly consistency: Consistency | undefined
  readonly format: Format
  readonly isExplained: boolean
}

/** The global flags in front of `words`, and the words of the command. Throws FlagFailure. */
export function parseGlobalFlags(words: readonly string[]): {
  readonly options: GlobalOptions
  readonly rest: readonly string[]
  readonly isHelp: boolean
} {
  const { values, rest, isHelp } = parseFlags(GLOBAL_FLAGS, words)
  const text = (name: string): string => String(values[name] ?? '')
  const options: GlobalOptions = {
    configPath: values.config === undefined ? CONFIG_PATH_DEFAULT : text('config'),
    target: text('target'),
    isRoot: values.root === true,
    publicAddress: text('public'),
    privateAddress: text('private'),
    consistency: CONSISTENCY_MODES.find((mode) => mode === values.consistency),
    format: values.o === 'json' ? 'json' : 'table',
    isExplained: values.explain === true,
  }
  return { options, rest, isHelp }
}
