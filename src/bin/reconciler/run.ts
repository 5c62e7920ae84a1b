// From the flags and files of insi-reconciler to a running reconciler.
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { systemClock } from '../../base/clock.ts'
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
import type { KubeHooks } from '../../reconciler/kube.ts'
import { namesOf } from '../../reconciler/names.ts'
import { NodeTopologies } from '../../reconciler/node-topology.ts'
import { OpsServer } from '../../reconciler/ops-server.ts'
import { Reconciler } from '../../reconciler/reconciler.ts'
import { RaftAccess } from '../../reconciler/raft-access.ts'
import { hostOf } from '../../reconciler/render.ts'
import type { Addressing } from '../../reconciler/render.ts'
import { insiVersion } from '../insid/version.ts'
import { stopRequested } from '../insid/signals.ts'
import { TrustedFile } from './trusted-file.ts'
import { describePass } from './describe-pass.ts'
import { portOf } from './flags.ts'
import type { Flags } from './flags.ts'

/** Of HTTP. */
const ERROR_STATUS_MIN = 400
const MS_PER_SECOND = 1_000

/** Resolves with the exit code, when everything is done or somebody asks it to stop. Rejects with an Error to be told. */
export async function run(flags: Flags): Promise<number> {
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
  const kube = new Kube(access.config, flags.namespace ?? access.namespace, hooksOf(metrics, denials))
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
      backupCronJob: flags.backupCronJob ?? null,
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

function hooksOf(metrics: ReconcilerMetrics, denials: Denials): KubeHooks {
  return {
    onWrite: (object) => metrics.count('insi_reconciler_writes_total', { object }),
    onAnswer: (request, status) => {
      denials.answered(request, status)
      // Without the name of the object: `get configmaps/insi` is a verb and a kind.
      const labels = { verb: request.replace(/\/.*/, ''), code: status === null ? 'none' : String(status) }
      metrics.count('insi_reconciler_api_requests_total', labels)
      if (status === null || status >= ERROR_STATUS_MIN) metrics.count('insi_reconciler_api_errors_total', labels)
    },
  }
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

function listenAddress(text: string): { host: string; port: number } {
  const at = text.lastIndexOf(':')
  if (at < 1) throw new Error(`--listen must be host:port, not ${text}`)
  return { host: text.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port: portOf(text.slice(at + 1)) }
}
