// Runs one node in this process, from its start to its exit code.
import path from 'node:path'
import { must } from '../../base/assert.ts'
import { delay, systemClock } from '../../base/clock.ts'
import { InsiError, messageOf } from '../../base/errors.ts'
import type { AdjustableLog } from '../../base/log.ts'
import { formatAddress } from '../../config/address.ts'
import type { LoadedConfig } from '../../config/load.ts'
import type { RunningNode } from '../../node.ts'
import { bannerOf } from './banner.ts'
import type { BannerContext, ListeningNode } from './banner.ts'
import { openLog } from './open-log.ts'
import { stopRequested } from './signals.ts'
import { describeStartError } from './start-error.ts'
import type { StartContext } from './start-error.ts'
import { insiVersion } from './version.ts'

/** A process that is ending may need this long to give its data directory back. */
const LOCK_WAIT_MS = 5_000
const LOCK_POLL_INTERVAL_MS = 50
const FATAL_STOP_WAIT_MS = 5_000

export interface RunNodeOptions {
  readonly loaded: LoadedConfig
  readonly nodeId: string
  readonly configPath: string
  /** The parent process prints the banner, forwards signals, and takes this one with it when it ends. */
  readonly isSupervised: boolean
  readonly banner: BannerContext
  /** Reads the configuration again, for the log level. */
  readonly reload: () => Promise<LoadedConfig>
}

/** What a supervised node tells its parent. */
export interface ListeningMessage {
  readonly type: 'listening'
  readonly node: ListeningNode
}

/** Resolves with the exit code when the node has stopped. */
export async function runNode(options: RunNodeOptions): Promise<number> {
  const { loaded, nodeId, configPath, isSupervised } = options
  const { config, topology } = loaded
  const node = must(config.nodes[nodeId], 'the node is configured')
  const dataDirectory = path.join(config.insiHome, nodeId)
  const context: StartContext = { nodeId, node, configPath, dataDirectory }
  const log = await openLog(config)
  const nodeLog = log.child({ node: nodeId })
  process.on('uncaughtException', (error) => {
    nodeLog.error({ error }, 'uncaught error, the process ends')
    process.exit(1)
  })
  if (isSupervised) process.on('disconnect', () => process.exit(1))
  reloadLevelOnSignal(log, options.reload)
  const stop = stopRequested(() => {
    // A supervised node may get the same signal from its parent and from the terminal.
    if (!isSupervised) process.exit(1)
  })
  if (!isSupervised) for (const warning of loaded.warnings) nodeLog.warn({}, warning)
  try {
    const running = await Promise.race([start({ config, topology }, nodeId, log), stop])
    if (typeof running === 'string') return 0
    announce({ nodeId, ...running, raftAddress: formatAddress(node.raftAdvertise) }, options)
    const ending = await Promise.race([stop, running.fatal])
    if (typeof ending !== 'string') {
      nodeLog.error({ error: ending }, 'the node cannot go on and ends')
      // What broke may also keep the node from stopping.
      await Promise.race([running.stop(), delay(systemClock, FATAL_STOP_WAIT_MS)])
      return 1
    }
    nodeLog.info({ signal: ending }, 'stopping')
    await running.stop()
    nodeLog.info({}, 'stopped')
    return 0
  } catch (error) {
    nodeLog.debug({ error }, 'the node did not start')
    process.stderr.write(`insid: ${describeStartError(error, context)}\n`)
    return 1
  }
}

async function start(
  { config, topology }: Pick<LoadedConfig, 'config' | 'topology'>,
  nodeId: string,
  log: AdjustableLog,
): Promise<RunningNode> {
  // Loaded here, so that a fault of the configuration is told without loading the server.
  const { startNode } = await import('../../node.ts')
  const deadlineMs = systemClock.monotonicMs() + LOCK_WAIT_MS
  for (;;) {
    try {
      return await startNode(config, nodeId, {
        log: log.child({ node: nodeId }),
        logLevel: log,
        version: insiVersion(),
        fileTopology: topology,
      })
    } catch (error) {
      const isLocked = error instanceof InsiError && error.code === 'DATA_DIRECTORY_LOCKED'
      if (!isLocked || systemClock.monotonicMs() >= deadlineMs) throw error
      await delay(systemClock, LOCK_POLL_INTERVAL_MS)
    }
  }
}

function announce(node: ListeningNode, options: RunNodeOptions): void {
  const { nodeId, publicUrl, privateUrl, opsUrl, raftAddress } = node
  const listening: ListeningNode = { nodeId, publicUrl, privateUrl, opsUrl, raftAddress }
  if (!options.isSupervised) process.stdout.write(bannerOf([listening], options.banner))
  else process.send?.({ type: 'listening', node: listening } satisfies ListeningMessage)
}

function reloadLevelOnSignal(log: AdjustableLog, reload: () => Promise<LoadedConfig>): void {
  process.on('SIGUSR2', () => {
    reload().then(
      ({ config }) => {
        log.setLevel(config.logging.level)
        log.info({ to: config.logging.level }, 'log level read again')
      },
      (error: unknown) => log.warn({ reason: messageOf(error) }, 'log level not read again'),
    )
  })
}
