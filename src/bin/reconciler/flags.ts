// The flags of insi-reconciler, and what --help says. Light: whoever asks for help does not wait for Kubernetes' client.
import { Command, InvalidArgumentError, Option } from 'commander'
import { insiVersion } from '../insid/version.ts'

const PORT_MAX = 65_535
const OUTPUTS = ['text', 'json', 'yaml'] as const

/** How a pass is printed. */
export type Output = (typeof OUTPUTS)[number]

export interface Flags {
  readonly statefulset: string
  readonly namespace?: string
  readonly headlessService?: string
  readonly clusterDomain: string
  readonly publicPort: number
  readonly privatePort: number
  readonly raftPort: number
  readonly opsPort: number
  readonly secretFile?: string
  readonly tls?: boolean
  readonly caFile?: string
  readonly skipVerify?: boolean
  readonly nodeUrl?: string
  readonly listen: string
  readonly settleSeconds: number
  readonly inviteSeconds: number
  readonly once?: boolean
  readonly dryRun?: boolean
  readonly output: Output
  readonly leaderEndpointSlice?: string
  readonly backupCronJob?: string
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  readonly logFormat: 'auto' | 'json' | 'pretty'
}

const EXAMPLES = `
Examples:
  insi-reconciler --statefulset insi                     as in a pod: keep the members those that the StatefulSet wants
  insi-reconciler --statefulset insi --once --dry-run    what it would do now, and the cluster.yaml that it would write
  insi-reconciler --statefulset insi --namespace shop \\
    --once --dry-run --node-url http://127.0.0.1:8081    the same from outside, through kubectl port-forward insi-0 8081
  insi-reconciler --statefulset insi --once --dry-run -o json | jq .plan.action
                                                         for scripts; -o yaml has the same members

It needs the instance secret, from --secret-file or INSI_INSTANCE_SECRET_FILE or INSI_INSTANCE_SECRET, and access to
Kubernetes: a service account, or a kubeconfig. What it may do there stands in the chart's Role.

To keep its hands off for a while: kubectl annotate statefulset insi insi.io/paused=true
`

export function buildProgram(action: (flags: Flags) => Promise<void>): Command {
  return new Command('insi-reconciler')
    .description('Keeps the members of an Insi cluster those that its Kubernetes StatefulSet wants.')
    .version(insiVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'insi-reconciler: ')) })
    .showHelpAfterError('(--help shows every flag)')
    .requiredOption('--statefulset <name>', 'the StatefulSet; also the prefix of the ConfigMaps and the Lease')
    .option('--namespace <name>', "namespace (default: the pod's own, or that of the kubeconfig)")
    .option('--headless-service <name>', 'service that names the pods (default: <statefulset>-headless)')
    .option('--cluster-domain <domain>', 'DNS domain of Kubernetes', 'cluster.local')
    .option('--public-port <port>', 'public port of the nodes', portOf, 8080)
    .option('--private-port <port>', 'private port of the nodes', portOf, 8081)
    .option('--raft-port <port>', 'Raft port of the nodes', portOf, 7000)
    .option('--ops-port <port>', 'ops port of the nodes', portOf, 9090)
    .option('--secret-file <path>', 'file with the instance secret')
    .option('--tls', 'the nodes speak TLS')
    .option('--ca-file <path>', "certificate to trust besides the system's")
    .option('--skip-verify', 'accept any certificate of the nodes')
    .option('--node-url <url>', 'ask this node instead of the pods')
    .option('--listen <host:port>', 'where health and metrics are served', '0.0.0.0:9090')
    .option('--settle-seconds <n>', 'how long a pod must be gone before its member is removed', secondsOf, 30)
    .option('--invite-seconds <n>', 'how long a node may take to join by itself', secondsOf, 5)
    .option('--once', 'one pass, without the lease, and exit')
    .option('--dry-run', 'with --once: print the plan and cluster.yaml, write nothing')
    .addOption(new Option('-o, --output <format>', 'with --once').choices(OUTPUTS).default('text'))
    .option('--leader-endpoint-slice <name>', 'EndpointSlice to keep pointed at the pod that leads')
    .option('--backup-cron-job <name>', 'CronJob that makes backups; its last success becomes a series')
    .addOption(new Option('--log-level <level>', 'level').choices(['debug', 'info', 'warn', 'error']).default('info'))
    .addOption(new Option('--log-format <format>', 'format').choices(['auto', 'json', 'pretty']).default('auto'))
    .action((_flags: Flags, command: Command) => action(checked(command)))
}

function checked(command: Command): Flags {
  const flags = command.opts<Flags>()
  if (flags.dryRun === true && flags.once !== true) command.error('insi-reconciler: --dry-run needs --once')
  return flags
}

/** Throws InvalidArgumentError. */
export function portOf(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > PORT_MAX) {
    throw new InvalidArgumentError(`It must be a port, 1 to ${PORT_MAX}.`)
  }
  return port
}

function secondsOf(text: string): number {
  const seconds = Number(text)
  if (!Number.isFinite(seconds) || seconds < 0) throw new InvalidArgumentError('It must be a number of seconds.')
  return seconds
}
