// From the file, the environment and flags to one frozen Config, or to one error with every fault.
import { readFile } from 'node:fs/promises'
import { messageOf } from '../base/errors.ts'
import { intactMark } from '../contract/topology.ts'
import type { TopologyMark } from '../contract/topology.ts'
import { checkAddresses, checkSecrets, unreachableNodes } from './check-addresses.ts'
import { checkRelations } from './checks.ts'
import { configOf } from './config-of.ts'
import type { Config } from './config.ts'
import { draftOf } from './draft.ts'
import { ConfigError } from './faults.ts'
import type { Fault } from './faults.ts'
import { readFileValues } from './file-values.ts'
import type { RawConfig } from './file-values.ts'
import { addNewNode } from './new-node.ts'
import { SECRET_VARIABLES, applyEnvironment, applySettings } from './overrides.ts'
import type { Environment, Setting } from './overrides.ts'
import type { ClusterFile } from './schema.ts'
import { readSource } from './source-file.ts'

export interface LoadOptions {
  /** cluster.yaml; also the name in faults. */
  readonly path: string
  readonly environment?: Environment
  readonly settings?: readonly Setting[]
  /** The node that is to run: it may be a new one, which the file does not name yet. */
  readonly nodeId?: string
  /** Every node runs on this machine, so no two may share a port. */
  readonly oneMachine?: boolean
}

export interface LoadedConfig {
  readonly config: Config
  /** Sentences for the operator about what is allowed but probably not meant. */
  readonly warnings: readonly string[]
  /** Which version of a file that a program makes this is; null for one that was written or changed by hand. */
  readonly topology: TopologyMark | null
}

const CONFIG_SIZE_BYTES_MAX = 4 * 2 ** 20
const LEVELS: readonly unknown[] = ['debug', 'info', 'warn', 'error']

/** Reads and checks a configuration. Throws ConfigError with all faults, in the order of the file. */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const text = await readConfigFile(options.path)
  const environment = await readSecretFiles(options.path, options.environment ?? {})
  return parseConfig(text, { ...options, environment })
}

/** loadConfig() without reading files: `text` is the content of the configuration file. */
export function parseConfig(text: string, options: LoadOptions): LoadedConfig {
  const source = readSource(text)
  if (source.root === null) throw new ConfigError(options.path, source.faults)
  const faults: Fault[] = [...source.faults]
  const warnings: string[] = []
  const raw = readFileValues(source.root, faults)
  applyEnvironment(options.environment ?? {}, raw.values)
  applySettings(options.settings ?? [], raw.values, faults)
  tolerateLevel(raw, warnings)
  if (options.nodeId !== undefined) addNewNode(raw, options.nodeId)
  const draft = draftOf(raw, faults)
  checkRelations(draft, faults)
  const oneMachine = options.oneMachine ?? false
  checkAddresses(draft, { oneMachine }, faults)
  checkSecrets(draft, faults)
  if (faults.length > 0) throw new ConfigError(options.path, faults)
  const unreachable = oneMachine ? [] : unreachableNodes(draft)
  if (unreachable.length > 0) {
    warnings.push(
      `${unreachable.join(', ')}: raftBinding is every interface and raftAdvertise is not set, so nodes on other machines cannot reach it`,
    )
  }
  const config = configOf({ ...draft.values, nodes: draft.nodes } as ClusterFile)
  return { config, warnings, topology: intactMark(text) }
}

async function readConfigFile(path: string): Promise<string> {
  const fail = (reason: string, hint: string): ConfigError =>
    new ConfigError(path, [{ place: null, message: `config file is unreadable: ${reason}`, hint }])
  let content: Buffer
  try {
    content = await readFile(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw fail('it does not exist', `Make one with: insid --new-cfg ${path}`)
    if (code === 'EISDIR') throw fail('it is a directory', 'Name the file itself.')
    if (code === 'EACCES') throw fail('permission denied', 'Let the user that runs insid read it.')
    throw fail(messageOf(error), 'Check the path.')
  }
  if (content.length > CONFIG_SIZE_BYTES_MAX)
    throw fail(`it has more than ${CONFIG_SIZE_BYTES_MAX} bytes`, 'Check the path.')
  return content.toString('utf8')
}

/** INSI_..._FILE names a file that holds the value of a secret, as container platforms mount them. */
async function readSecretFiles(path: string, environment: Environment): Promise<Environment> {
  const filled: Record<string, string | undefined> = { ...environment }
  const faults: Fault[] = []
  for (const variable of SECRET_VARIABLES) {
    const secretPath = environment[`${variable}_FILE`]
    if (secretPath === undefined || secretPath === '') continue
    const place = { type: 'environment', variable: `${variable}_FILE` } as const
    if ((environment[variable] ?? '') !== '') {
      faults.push({ place, message: `${variable} is set as well: keep one of them` })
      continue
    }
    try {
      filled[variable] = (await readFile(secretPath, 'utf8')).replace(/\r?\n$/, '')
      if (filled[variable] === '') faults.push({ place, message: `${secretPath} is empty` })
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code ?? messageOf(error)
      faults.push({ place, message: `${secretPath} is unreadable (${reason})` })
    }
  }
  if (faults.length > 0) throw new ConfigError(path, faults)
  return filled
}

/** A level that does not exist is no reason not to serve: it counts as info. */
function tolerateLevel(raw: RawConfig, warnings: string[]): void {
  const given = raw.values.get('logging.level')
  if (typeof given?.value !== 'string') return
  const level = given.value.toLowerCase()
  if (level !== '' && !LEVELS.includes(level)) {
    warnings.push(`Unknown logging level: ${given.value.slice(0, 40)}, defaulting to info`)
  }
  raw.values.set('logging.level', { ...given, value: LEVELS.includes(level) ? level : 'info' })
}
