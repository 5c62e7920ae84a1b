// The command line of insi-reconciler: from flags and files to a running reconciler.
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { systemClock } from '../../base/clock.ts'
import { messageOf } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { systemRandom } from '../../base/random.ts'
import type { EndpointOptions } from '../../client/options.ts'
import { mayColour, processEnvironment } from '../../config/environment.ts'
import { rootKeyOf } from '../../contract/root-key.ts'
import { createLog } from '../../logging/pino-log.ts'
import { ReconcilerMetrics } from '../../metrics/reconciler-metrics.ts'
import { Denials } from '../../reconciler/denials.ts'
import { loadKubeAccess } from '../../reconciler/kube-config.ts'
import { Kube } from '../../reconciler/kube.ts'
import { namesOf } from '../../reconciler/names.ts'
import { NodeTopologies } from '../../reconciler/node-topology.ts'
import { OpsServer } from '../../reconciler/ops-server.ts'
import { Reconciler } from '../../reconciler/reconciler.ts'
import { RaftAccess } from '../../reconciler/raft-access.ts'
import { hostOf } from '../../reconciler/render.ts'
import type { Addressing } from '../../reconciler/render.ts'
import { insiVersion } from '../insid/version.ts'
import { OUTPUTS, describePass } from './describe-pass.ts'
import type { Output } from './describe-pass.ts'
import { stopRequested } from '../insid/signals.ts'
import { TrustedFile } from './trusted-file.ts'

const PORT_MAX = 65_535
const MS_PER_SECOND = 1_000

interface Flags {
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

/** Resolves with the exit code. */
export async function main(words: readonly string[]): Promise<number> {
  let exitCode = 0
  const program = buildProgram(async (flags) => {
    exitCode = await run(flags)
  })
  try {
    await program.parseAsync(words, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    process.stderr.write(`insi-reconciler: ${messageOf(error)}\n`)
    return 1
  }
}

function buildProgram(action: (flags: Flags) => Promise<void>): Command {
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
    .addOption(new Option('--log-level <level>', 'level').choices(['debug', 'info', 'warn', 'error']).default('info'))
    .addOption(new Option('--log-format <format>', 'format').choices(['auto', 'json', 'pretty']).default('auto'))
    .action((_flags: Flags, command: Command) => action(checked(command)))
}

function checked(command: Command): Flags {
  const flags = command.opts<Flags>()
  if (flags.dryRun === true && flags.once !== true) command.error('insi-reconciler: --dry-run needs --once')
  return flags
}

async function run(flags: Flags): Promise<number> {
  const secret = await readSecret(flags)
  const log = await createLog({
    level: flags.logLevel,
    format: flags.logFormat === 'auto' ? (process.stderr.isTTY ? 'pretty' : 'json') : flags.logFormat,
    colour: mayColour(processEnvironment(), process.stderr),
    secrets: [secret, rootKeyOf(secret)],
  })
  const metrics = new ReconcilerMetrics({ version: insiVersion(), runtimeVersion: process.version })
  const denials = new Denials(systemClock, (request, isDenied) => {
    metrics.set('insi_reconciler_denied', isDenied ? 1 : 0, { request })
    if (isDenied) log.error({ request }, 'the Role does not allow a request')
    else log.info({ request }, 'the Role allows a request again')
  })
  const access = await loadKubeAccess()
  const kube = new Kube(access.config, flags.namespace ?? access.namespace, {
    onWrite: (object) => metrics.count('insi_reconciler_writes_total', { object }),
    onFailure: (verb, status) =>
      metrics.count('insi_reconciler_api_errors_total', { verb, code: status === null ? 'none' : String(status) }),
    onAnswer: (request, status) => denials.answered(request, status),
  })
  const addressing = addressingOf(flags, kube.namespace)
  const connections: { close(): void }[] = []
  const credentials = {
    apiKey: rootKeyOf(secret),
    skipVerify: flags.skipVerify === true,
    ca: await trustedCertificates(flags, log, connections),
  }
  const endpointOf = (nodeId: string): EndpointOptions => podEndpoint(nodeId, addressing, flags.tls === true)
  const raft = new RaftAccess({ ...credentials, addressing, endpointOf, nodeUrl: flags.nodeUrl })
  const nodes = new NodeTopologies({
    ...credentials,
    clock: systemClock,
    log,
    metrics,
    endpointOf: flags.nodeUrl === undefined ? endpointOf : null,
  })
  connections.push(raft, nodes)
  const reconciler = new Reconciler(
    {
      kube,
      raft,
      nodes,
      denials,
      leaderSlice: flags.leaderEndpointSlice ?? null,
      names: namesOf(flags.statefulset),
      addressing,
      clock: systemClock,
      random: systemRandom,
      log,
      metrics,
      self: `${hostname()}_${systemRandom.uuid()}`,
    },
    { settleMs: flags.settleSeconds * MS_PER_SECOND, inviteMs: flags.inviteSeconds * MS_PER_SECOND },
  )
  if (flags.once === true) {
    try {
      const pass = flags.dryRun === true ? await reconciler.look() : await reconciler.pass()
      process.stdout.write(describePass(pass, addressing, flags.output))
      return 0
    } finally {
      raft.close()
      nodes.close()
    }
  }
  await serve(reconciler, { metrics, log, flags, namespace: kube.namespace })
  return 0
}

/** Undefined for the system's authorities alone. Closes `connections` when the file has changed: they are opened anew. */
async function trustedCertificates(
  { caFile }: Flags,
  log: Log,
  connections: readonly { close(): void }[],
): Promise<readonly string[] | undefined> {
  if (caFile === undefined) return undefined
  const trusted = await TrustedFile.open(caFile, systemClock, () => {
    log.info({}, 'the certificate to trust was read again')
    for (const connection of connections) connection.close()
  })
  return trusted.certificates
}

interface Serving {
  readonly metrics: ReconcilerMetrics
  readonly log: Log
  readonly flags: Flags
  readonly namespace: string
}

/** Until somebody asks it to stop. */
async function serve(reconciler: Reconciler, { flags, log, metrics, namespace }: Serving): Promise<void> {
  const ops = new OpsServer(reconciler, metrics)
  const { host, port } = listenAddress(flags.listen)
  const listening = await ops.listen(host, port)
  log.info({ statefulset: flags.statefulset, namespace, port: listening }, 'reconciler started')
  const stopping = new AbortController()
  void stopRequested(() => process.exit(1)).then((signal) => {
    log.info({ signal }, 'stopping')
    stopping.abort()
  })
  await reconciler.run(stopping.signal)
  await ops.close()
}

function podEndpoint(nodeId: string, addressing: Addressing, usesTls: boolean): EndpointOptions {
  const url = (port: number): string => `${usesTls ? 'https' : 'http'}://${hostOf(nodeId, addressing)}:${port}`
  return { publicUrl: url(addressing.ports.public), privateUrl: url(addressing.ports.private) }
}

function addressingOf(flags: Flags, namespace: string): Addressing {
  return {
    headlessService: flags.headlessService ?? `${flags.statefulset}-headless`,
    namespace,
    clusterDomain: flags.clusterDomain,
    ports: { public: flags.publicPort, private: flags.privatePort, raft: flags.raftPort, ops: flags.opsPort },
  }
}

async function readSecret({ secretFile }: Flags): Promise<string> {
  const environment = processEnvironment()
  const path = secretFile ?? environment['INSI_INSTANCE_SECRET_FILE']
  const secret =
    path === undefined || path === ''
      ? (environment['INSI_INSTANCE_SECRET'] ?? '')
      : (await readFile(path, 'utf8')).replace(/\r?\n$/, '')
  if (secret === '') throw new Error('there is no instance secret: name its file with --secret-file')
  return secret
}

function portOf(text: string): number {
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

function listenAddress(text: string): { host: string; port: number } {
  const at = text.lastIndexOf(':')
  if (at < 1) throw new Error(`--listen must be host:port, not ${text}`)
  return { host: text.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port: portOf(text.slice(at + 1)) }
}
