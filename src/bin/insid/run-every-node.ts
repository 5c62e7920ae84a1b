// Runs every node of the file, each in a child process. The parent relays output, forwards signals and waits; a node that
// ends by itself is reported and the others go on.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { messageOf } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { mayColour, processEnvironment } from '../../config/environment.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { bannerOf } from './banner.ts'
import type { BannerContext, ListeningNode } from './banner.ts'
import { formatOf, openLog } from './open-log.ts'
import { relayLines } from './relay-lines.ts'
import type { ListeningMessage } from './run-node.ts'
import { stopRequested } from './signals.ts'

export interface RunEveryNodeOptions {
  readonly loaded: LoadedConfig
  /** Program and arguments that run `nodeId` in a process of its own; never a secret, for anyone can list arguments. */
  readonly commandOf: (nodeId: string, format: string) => readonly [program: string, ...words: string[]]
  readonly insidCommand: string
  readonly banner: BannerContext
}

interface Child {
  readonly nodeId: string
  readonly process: ChildProcess
  /** Resolves when it has ended and its output was passed on: true when it ended as it should. */
  readonly ended: Promise<boolean>
}

const PREFIX_COLOURS: readonly number[] = [36, 33, 35, 32, 34, 31]

/** Resolves with the exit code when every child has ended: 0 when all did after a signal and without an error. */
export async function runEveryNode(options: RunEveryNodeOptions): Promise<number> {
  const { config, warnings } = options.loaded
  const log = await openLog(config)
  for (const warning of warnings) log.warn({}, warning)
  const state = { isStopping: false, isForced: false, runningCount: 0 }
  const children = Object.keys(config.nodes).map((nodeId, at) => startChild(nodeId, at, options, log, state))
  announceWhenAllListen(children, options.banner)
  const signalChildren = (signal: NodeJS.Signals): void => {
    for (const child of children) child.process.kill(signal)
  }
  process.on('SIGUSR2', () => signalChildren('SIGUSR2'))
  stopRequested(() => {
    state.isForced = true
    signalChildren('SIGKILL')
  }).then(
    () => {
      state.isStopping = true
      signalChildren('SIGTERM')
    },
    () => {},
  )
  const endings = await Promise.all(children.map((child) => child.ended))
  return state.isStopping && !state.isForced && endings.every(Boolean) ? 0 : 1
}

function announceWhenAllListen(children: readonly Child[], banner: BannerContext): void {
  const listening = new Map<string, ListeningNode>()
  for (const child of children) {
    child.process.on('message', (message: ListeningMessage) => {
      listening.set(child.nodeId, message.node)
      if (listening.size !== children.length) return
      const nodes = children.flatMap(({ nodeId }) => listening.get(nodeId) ?? [])
      process.stdout.write(bannerOf(nodes, banner))
    })
  }
}

function startChild(
  nodeId: string,
  at: number,
  options: RunEveryNodeOptions,
  log: Log,
  state: { readonly isStopping: boolean; runningCount: number },
): Child {
  const format = formatOf(options.loaded.config)
  const [program, ...words] = options.commandOf(nodeId, format)
  // A group of its own: Ctrl-C reaches the parent only, which asks each child once.
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], detached: true })
  state.runningCount++
  const prefix = format === 'json' ? '' : prefixOf(nodeId, at)
  const output = Promise.all([
    child.stdout === null ? undefined : relayLines(child.stdout, process.stdout, prefix),
    child.stderr === null ? undefined : relayLines(child.stderr, process.stderr, prefix),
  ])
  const ended = new Promise<boolean>((resolve) => {
    child.on('error', (error) => {
      log.error({ node: nodeId, reason: messageOf(error) }, 'node could not be run')
      resolve(false)
    })
    child.on('exit', (code, signal) => {
      state.runningCount--
      if (!state.isStopping) reportEnd(log, nodeId, { code, signal }, state.runningCount, options.insidCommand)
      output.then(
        () => resolve(code === 0),
        () => resolve(code === 0),
      )
    })
  })
  return { nodeId, process: child, ended }
}

function reportEnd(
  log: Log,
  nodeId: string,
  ending: { code: number | null; signal: string | null },
  runningCount: number,
  insidCommand: string,
): void {
  const how = ending.signal === null ? { code: ending.code } : { signal: ending.signal }
  const fields = { node: nodeId, ...how, running: runningCount, restart: `${insidCommand} --as ${nodeId}` }
  log.error(fields, runningCount === 0 ? 'the last node has ended' : 'a node has ended, the others go on')
}

function prefixOf(nodeId: string, at: number): string {
  const colour = PREFIX_COLOURS[at % PREFIX_COLOURS.length] ?? 0
  return mayColour(processEnvironment(), process.stderr) ? `\u001B[${colour}m${nodeId}\u001B[0m | ` : `${nodeId} | `
}
