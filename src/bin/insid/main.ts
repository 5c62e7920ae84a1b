// The command line of insid: what was asked for, and which room does it.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { parseTypedDurationMs } from '../../config/duration.ts'
import { nearestName } from '../../config/spelling.ts'
import { processEnvironment } from '../../config/environment.ts'
import { ConfigError } from '../../config/faults.ts'
import type { LoadedConfig } from '../../config/load.ts'
import type { Setting } from '../../config/overrides.ts'
import { SHELLS, completionScript } from './completion.ts'
import type { Shell } from './completion.ts'
import { normaliseFlags } from './go-flags.ts'
import { healthcheck } from './healthcheck.ts'
import { writeNewConfig } from './new-config.ts'
import { endBySignals } from './signals.ts'
import { insiVersion } from './version.ts'

const CONFIG_PATH_DEFAULT = 'cluster.yaml'

/** Flags of their own for options that are often set; every other one has --set. */
const OPTION_FLAGS = { home: 'insiHome', logLevel: 'logging.level', logFormat: 'logging.format' } as const

interface Flags {
  readonly config: string
  readonly as?: string
  readonly host?: boolean
  readonly newCfg?: string
  readonly check?: boolean
  readonly set?: readonly Setting[]
  readonly home?: string
  readonly logLevel?: string
  readonly logFormat?: string
  readonly supervised?: boolean
  readonly ready?: boolean
  readonly confirm?: string
  readonly cluster?: string
  readonly maxAge?: number
  readonly directory?: string
  readonly json?: boolean
}

const SOURCE = 'the backup: a file, a directory or s3://BUCKET/PREFIX/ (the newest there), or - for stdin'
const CLUSTER = 'of which cluster, where a directory has backups of several: the beginning of its id'

const EXAMPLES = `
Examples:
  insid --host                                every node of cluster.yaml on this machine
  insid --host --config my.yaml               every node of another file
  insid --as node1 --config my.yaml           one node, as on its own machine
  insid --new-cfg my.yaml                     write a file for three nodes with a new secret
  insid --check --config my.yaml              tell every fault of a file, start nothing
  insid --host --set raft.electionTimeout=1s  set any option of the file
  insid healthcheck --as node1 --ready        exit code 0 when the node is ready
  insid recover-alone --as node1              what would be left if node1 went on without the others
  insid restore --as node0 /backups/          a new cluster from the newest backup
  insid verify-backup /backups/ --max-age 26h a restore drill, for cron

docs/CONFIG.md lists every option with its environment variable. A single dash is as good as two: -config my.yaml.
`

/** Runs what `argv` (without program and script) asks for. Resolves with the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  ignoreClosedOutput()
  let exitCode = 0
  const program = buildProgram((code) => {
    exitCode = code
  })
  try {
    await program.parseAsync(normaliseFlags(argv, flagTable(program)), { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`insid: ${error.message}\n`)
    return 1
  }
}

function buildProgram(setExitCode: (code: number) => void): Command {
  const program = new Command('insid')
    .description('The Insi server: values, cache, events and tenants behind one HTTP API.')
    .usage('--host | --as NODE [flags]')
    .version(insiVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'insid: ')) })
    .showHelpAfterError(true)
    .option('--config <path>', 'configuration file', CONFIG_PATH_DEFAULT)
    .option('--host', 'run every node of the file, each in a process of its own')
    .option('--as <node>', 'run this node of the file')
    .option('--new-cfg <path>', 'write a configuration with a new secret, and exit')
    .option('--check', 'check the configuration, and exit')
    .option('--set <name=value>', 'set an option of the file; may be repeated', collectSetting)
    .option('--home <path>', 'data directory, instead of insiHome of the file')
    .option('--log-level <level>', 'debug, info, warn or error')
    .option('--log-format <format>', 'auto, json or pretty')
    .addOption(new Option('--supervised').hideHelp())
    .action(async (flags: Flags) => setExitCode(await runServer(flags, program)))
  program.hook('preSubcommand', endBySignals)
  program
    .command('healthcheck')
    .description('ask a node of this machine whether it lives; the exit code is the answer')
    .option('--ready', 'ask whether it is ready, too')
    .action(async (_own: unknown, command: Command) => setExitCode(await runHealthcheck(command.optsWithGlobals())))
  program
    .command('recover-alone')
    .description('after the loss of most disks: have a stopped node go on alone, as a new cluster')
    .option('--confirm <cluster>', 'the id of the cluster that is given up; without it nothing is changed')
    .action(async (_own: unknown, command: Command) => setExitCode(await runRecovery(command.optsWithGlobals())))
  program
    .command('restore')
    .description('make a new cluster from a backup: fill the empty data directory of a stopped node')
    .argument('<source>', SOURCE)
    .option('--cluster <id>', CLUSTER)
    .action(async (source: string, _own: unknown, command: Command) =>
      setExitCode(await runRestore(source, command.optsWithGlobals())),
    )
  program
    .command('verify-backup')
    .description('prove that a backup can be restored: restore it into a directory that is thrown away')
    .argument('<source>', SOURCE)
    .option('--cluster <id>', CLUSTER)
    .option('--max-age <duration>', 'fail when the backup is older, such as 26h', parseAge)
    .option('--directory <path>', 'restore below this directory, instead of that of temporary files')
    .option('--json', 'say the outcome as JSON')
    .action(async (source: string, _own: unknown, command: Command) =>
      setExitCode(await runVerification(source, command.optsWithGlobals())),
    )
  program
    .command('completion')
    .description('print a completion script')
    .addArgument(program.createArgument('<shell>', 'the shell').choices(SHELLS))
    .action((shell: Shell) => {
      process.stdout.write(completionScript(shell, completionTable(program)))
    })
  return program
}

async function runServer(flags: Flags, program: Command): Promise<number> {
  if (flags.newCfg !== undefined || flags.check === true) endBySignals()
  if (flags.newCfg !== undefined) return writeNewConfig(flags.newCfg, commandNames().insid)
  const isHost = flags.host === true
  if (flags.check !== true && isHost === (flags.as !== undefined)) {
    program.error(
      `insid: say which nodes to run: ${isHost ? 'only one of' : 'either'} --host ${isHost ? 'and' : 'or'} --as NODE`,
    )
  }
  const load = (): Promise<LoadedConfig> => loadWith(flags, isHost)
  const loaded = await load()
  const ids = Object.keys(loaded.config.nodes)
  const unknown = flags.as !== undefined && !ids.includes(flags.as)
  if (unknown) return unknownNode(flags.as ?? '', ids, flags.config)
  if (flags.check === true) return reportValid(loaded, flags.config)
  const banner = {
    configPath: flags.config,
    insicCommand: commandNames().insic,
    skipVerify: loaded.config.tls === null && loaded.config.serverMustUseTls,
  }
  const nodeId = flags.as ?? (ids.length === 1 ? ids[0] : undefined)
  if (nodeId === undefined) {
    const { runEveryNode } = await import('./run-every-node.ts')
    return runEveryNode({
      loaded,
      banner,
      commandOf: (id, format) => [process.execPath, ...process.execArgv, ...childWords(flags, id, format)],
      insidCommand: `${commandNames().insid} --config ${flags.config}`,
    })
  }
  const { runNode } = await import('./run-node.ts')
  const isSupervised = flags.supervised === true && process.send !== undefined
  return runNode({ loaded, nodeId, configPath: flags.config, isSupervised, banner, reload: load })
}

/** The words that run one node as this process was asked to run all. Settings are never secrets: load.ts refuses those. */
function childWords(flags: Flags, nodeId: string, format: string): string[] {
  const settings = settingsOf({ ...flags, logFormat: format }).flatMap(({ name, text }) => ['--set', `${name}=${text}`])
  return [process.argv[1] ?? '', '--supervised', '--as', nodeId, '--config', flags.config, ...settings]
}

async function runHealthcheck(flags: Flags): Promise<number> {
  const { config } = await loadWith(flags, false)
  const ids = Object.keys(config.nodes)
  const nodeId = flags.as ?? (ids.length === 1 ? ids[0] : undefined)
  if (nodeId === undefined) return whichNode(ids)
  const node = config.nodes[nodeId]
  if (node === undefined) return unknownNode(nodeId, ids, flags.config)
  return healthcheck({ config, nodeId, node, ready: flags.ready === true })
}

async function runRecovery(flags: Flags): Promise<number> {
  const loaded = await loadWith(flags, false)
  const ids = Object.keys(loaded.config.nodes)
  const nodeId = flags.as ?? (ids.length === 1 ? ids[0] : undefined)
  if (nodeId === undefined) return whichNode(ids)
  if (loaded.config.nodes[nodeId] === undefined) return unknownNode(nodeId, ids, flags.config)
  const { recover } = await import('./recover-alone.ts')
  const command = `${commandNames().insid} recover-alone --as ${nodeId} --config ${flags.config}`
  return recover({ loaded, nodeId, configPath: flags.config, confirmed: flags.confirm, command })
}

async function runRestore(source: string, flags: Flags): Promise<number> {
  const loaded = await loadWith(flags, false)
  const ids = Object.keys(loaded.config.nodes)
  const nodeId = flags.as ?? (ids.length === 1 ? ids[0] : undefined)
  if (nodeId === undefined) return whichNode(ids)
  if (loaded.config.nodes[nodeId] === undefined) return unknownNode(nodeId, ids, flags.config)
  const { restore } = await import('./restore.ts')
  return restore({ loaded, nodeId, configPath: flags.config, source, cluster: flags.cluster ?? null })
}

async function runVerification(source: string, flags: Flags): Promise<number> {
  const { verifyBackup } = await import('./verify-backup.ts')
  return verifyBackup({
    source,
    cluster: flags.cluster ?? null,
    ageMaxMs: flags.maxAge ?? null,
    directory: flags.directory ?? null,
    isJson: flags.json === true,
  })
}

function parseAge(text: string): number {
  const ageMs = parseTypedDurationMs(text)
  if (ageMs === undefined) throw new InvalidArgumentError('Write it as a duration, such as 26h.')
  return ageMs
}

function whichNode(ids: readonly string[]): number {
  process.stderr.write(`insid: the file has several nodes; say which one with --as: ${ids.join(', ')}\n`)
  return 1
}

/** The schema is loaded when it is needed: help and completion answer without it. */
async function loadWith(flags: Flags, oneMachine: boolean): Promise<LoadedConfig> {
  const { loadConfig } = await import('../../config/load.ts')
  const environment = processEnvironment()
  const nodeId = flags.as === undefined ? {} : { nodeId: flags.as }
  return loadConfig({ path: flags.config, environment, settings: settingsOf(flags), oneMachine, ...nodeId })
}

function settingsOf(flags: Flags): Setting[] {
  const own = Object.entries(OPTION_FLAGS).flatMap(([flag, name]) => {
    const text = flags[flag as keyof typeof OPTION_FLAGS]
    const spelling = flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    return text === undefined ? [] : [{ name, text, flag: `--${spelling}` }]
  })
  return [...(flags.set ?? []), ...own]
}

function collectSetting(text: string, earlier: readonly Setting[] = []): Setting[] {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Write it as NAME=VALUE, such as raft.electionTimeout=1s.')
  const name = text.slice(0, at)
  return [...earlier, { name, text: text.slice(at + 1), flag: `--set ${name}` }]
}

function unknownNode(nodeId: string, ids: readonly string[], configPath: string): number {
  const nearest = nearestName(nodeId, ids)
  const suggestion = nearest === undefined ? '' : `: did you mean "${nearest}"?`
  process.stderr.write(
    `insid: Node ID not found in configuration file: ${configPath} has ${ids.join(', ')}, but no "${nodeId}"${suggestion}\n`,
  )
  return 1
}

function reportValid({ config, warnings }: LoadedConfig, configPath: string): number {
  for (const warning of warnings) process.stderr.write(`insid: ${warning}\n`)
  const ids = Object.keys(config.nodes)
  const count = ids.length === 1 ? '1 node' : `${ids.length} nodes`
  process.stdout.write(
    `${configPath} is in order: ${count} (${ids.join(', ')}), default leader ${config.defaultLeader}\n`,
  )
  return 0
}

/** How a person starts the programs here: by name where they are installed, through npx in a checkout. */
function commandNames(): { readonly insid: string; readonly insic: string } {
  const isCheckout = import.meta.filename.endsWith('.ts')
  return isCheckout ? { insid: 'npx insid', insic: 'npx insic' } : { insid: 'insid', insic: 'insic' }
}

function flagTable(program: Command): Map<string, { takesValue: boolean }> {
  const options = [...program.options, ...program.commands.flatMap((command) => command.options)]
  const table = new Map(options.map((option) => [option.long?.slice(2) ?? '', { takesValue: option.required }]))
  return table.set('help', { takesValue: false })
}

function completionTable(program: Command) {
  const visible = program.options.filter((option) => !option.hidden)
  return {
    flags: visible.map((option) => ({
      name: option.long?.slice(2) ?? '',
      value: /<(.*)>/.exec(option.flags)?.[1] ?? null,
      meaning: option.description,
    })),
    commands: program.commands.map((command) => ({ name: command.name(), meaning: command.description() })),
  }
}

/** Whoever reads our output may stop reading (`insid --host | head`): that is no reason to stop serving. */
function ignoreClosedOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }
}
