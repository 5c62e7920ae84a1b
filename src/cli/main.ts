// insic: from words and environment to an exit code. Loads what the command needs, no more: a call takes hardly longer than
// its request.
import type { Clock } from '../base/clock.ts'
import { systemClock } from '../base/clock.ts'
import { assert } from '../base/assert.ts'
import { ClientError } from '../client/errors.ts'
import type { HttpClient } from '../client/http.ts'
import type { Environment } from '../config/overrides.ts'
import { parseCommandWords } from './command-words.ts'
import { CommandFailure, StartFailure, UsageFailure, nameOf, requireRoot } from './command.ts'
import type { Command, CommandContext, CommandTexts, Format, Input } from './command.ts'
import { findCommand } from './commands.ts'
import { Connection } from './connection.ts'
import { Console } from './console.ts'
import type { Sink } from './console.ts'
import { errorJson, errorText } from './error-text.ts'
import { FlagFailure } from './flags.ts'
import { parseGlobalFlags } from './global-flags.ts'
import type { GlobalOptions } from './global-flags.ts'

const EXIT_SUCCESS = 0
const EXIT_FAILURE = 1
const EXIT_FLAGS = 2

const WRONG_SECRET_HINT = 'the instance secret is not that of this cluster'
const UNKNOWN_KEY_HINT = 'INSI_API_KEY is not a key of this cluster, or no longer'

/** The process around a call, as far as insic needs it. */
export interface CliProcess {
  readonly stdout: Sink
  readonly stderr: Sink
  readonly input: Input
  readonly isColoured: boolean
  readonly environment: Environment
  /** Aborts when the process is asked to end; asking for it takes over from the default, which is to end at once. */
  readonly interruption: () => AbortSignal
  readonly clock?: Clock
}

/** Runs one command line, without the program's name. Never rejects for anything that a user or a server does. */
export async function runCli(words: readonly string[], process: CliProcess): Promise<number> {
  const { stdout, stderr, isColoured, clock = systemClock } = process
  const console = new Console({ stdout, stderr, isColoured, clock })
  let globals: ReturnType<typeof parseGlobalFlags>
  try {
    globals = parseGlobalFlags(words)
  } catch (error) {
    if (!(error instanceof FlagFailure)) throw error
    console.complain(error.message)
    console.complain((await import('./usage.ts')).globalFlagList())
    return EXIT_FLAGS
  }
  if (globals.isHelp || globals.rest.length === 0) {
    console.complain((await import('./usage.ts')).usageText())
    return globals.isHelp ? EXIT_SUCCESS : EXIT_FAILURE
  }
  const found = findCommand(globals.rest)
  if (found.type !== 'command') return complainUnknown(globals.rest, found, console)
  return new Call(found.command, globals.options, process, console).run(found.rest)
}

/** One command under way. */
class Call {
  readonly #command: Command
  readonly #globals: GlobalOptions
  readonly #process: CliProcess
  readonly #console: Console
  readonly #clients: HttpClient[] = []
  #connection: Connection | undefined
  #format: Format
  #exitCode = EXIT_SUCCESS

  constructor(command: Command, globals: GlobalOptions, process: CliProcess, console: Console) {
    this.#command = command
    this.#globals = globals
    this.#process = process
    this.#console = console
    this.#format = globals.format
  }

  async run(words: readonly string[]): Promise<number> {
    try {
      const parsed = parseCommandWords(this.#command, words)
      if (parsed.isHelp) {
        this.#console.print((await import('./usage.ts')).commandHelp(this.#command))
        return EXIT_SUCCESS
      }
      this.#format = parsed.format ?? this.#format
      const run = this.#command.load()
      const context = await this.#context(parsed.args, parsed.flags)
      await (
        await run
      )(context)
      return this.#exitCode
    } catch (error) {
      return await this.#complain(error)
    } finally {
      for (const client of this.#clients) client.close()
    }
  }

  async #context(args: readonly string[], flags: CommandContext['flags']): Promise<CommandContext> {
    const { access } = this.#command
    const connection = access === 'nothing' ? undefined : this.#connect()
    this.#connection = connection
    const isClientNeeded = connection !== undefined && access !== 'configuration'
    const http = isClientNeeded ? this.#keep(await connection.client(access)) : undefined
    if (access === 'root') requireRoot(this.#globals.isRoot, this.#command.rootName ?? nameOf(this.#command))
    return {
      command: this.#command,
      args,
      flags,
      format: this.#format,
      console: this.#console,
      input: this.#process.input,
      texts: TEXTS,
      isRoot: this.#globals.isRoot,
      http: () => {
        assert(http !== undefined, `${nameOf(this.#command)} has no client`)
        return http
      },
      httpWithKey: async (apiKey) => {
        assert(connection !== undefined, `${nameOf(this.#command)} has no connection`)
        return this.#keep(await connection.clientWithKey(apiKey))
      },
      nodeClient: async (nodeId) => {
        assert(connection !== undefined, `${nameOf(this.#command)} has no connection`)
        return this.#keep(await connection.clientOfNode(nodeId, nameOf(this.#command)))
      },
      raftAddressOf: async (nodeId) => {
        assert(connection !== undefined, `${nameOf(this.#command)} has no connection`)
        return connection.raftAddressOf(nodeId)
      },
      exitWith: (code) => {
        this.#exitCode = code
      },
      rootKey: async () => {
        assert(connection !== undefined, `${nameOf(this.#command)} has no connection`)
        return connection.rootKey()
      },
      interruption: this.#process.interruption,
    }
  }

  #connect(): Connection {
    const { environment } = this.#process
    if (!this.#globals.isExplained) return new Connection(this.#globals, environment)
    return new Connection(this.#globals, environment, (serverTiming) => {
      this.#console.log('INFO', 'Where the time went, in ms', phasesOf(serverTiming))
    })
  }

  #keep(client: HttpClient): HttpClient {
    this.#clients.push(client)
    return client
  }

  async #complain(error: unknown): Promise<number> {
    const console = this.#console
    if (error instanceof FlagFailure) {
      console.complain(error.message)
      console.complain((await import('./usage.ts')).commandFlagList(this.#command))
      return EXIT_FLAGS
    }
    if (error instanceof UsageFailure) {
      console.log('ERROR', error.message, error.fields)
      const usage = await import('./usage.ts')
      console.complain(
        this.#command.flags === undefined || this.#command.flagsAround === true
          ? usage.commandHelp(this.#command)
          : usage.commandFlagList(this.#command),
      )
      return EXIT_FAILURE
    }
    if (this.#format === 'json') this.#complainInJson(error)
    else this.#complainInLines(error)
    return EXIT_FAILURE
  }

  #complainInJson(error: unknown): void {
    const told = error instanceof CommandFailure && error.cause !== undefined ? error.cause : error
    const body = told instanceof StartFailure ? { error_type: 'NOT_CONFIGURED', ...startJson(told) } : errorJson(told)
    const hint = this.#hintFor(told)
    this.#console.complain(JSON.stringify(hint === undefined ? body : { ...body, hint }))
  }

  #complainInLines(error: unknown): void {
    const console = this.#console
    if (error instanceof StartFailure) {
      console.log('ERROR', error.message, { error: error.detail, hint: error.hint })
    } else if (error instanceof CommandFailure) {
      if (error.log !== undefined) {
        const cause = error.cause === undefined ? undefined : errorText(error.cause)
        console.log(error.log.level, error.log.message, { error: cause, hint: this.#hintFor(error.cause) })
      }
      for (const line of error.lines) console.complain(line, 'red')
      for (const line of error.outputLines) console.print(line, 'red')
    } else {
      const text = errorText(error)
      const requestId = error instanceof ClientError ? error.facts.requestId : undefined
      console.log('ERROR', this.#command.failure, { error: text, hint: this.#hintFor(error), request_id: requestId })
      console.complain(`Error: ${text}`, 'red')
    }
  }

  #keyHint(): string | undefined {
    const { access } = this.#command
    if (access === 'configuration') return undefined
    return this.#globals.isRoot || access === 'implied-root' ? WRONG_SECRET_HINT : UNKNOWN_KEY_HINT
  }

  #hintFor(error: unknown): string | undefined {
    if (!(error instanceof ClientError)) return undefined
    // The API's own hint is about the header, which insic has sent.
    if (error.code === 'AUTHENTICATION_FAILED') return this.#keyHint()
    if (error.facts.status !== undefined) return error.facts.hint
    return error.facts.url === undefined ? undefined : this.#connection?.schemeHint()
  }
}

const TEXTS: CommandTexts = {
  async help(words) {
    const found = findCommand(words)
    if (words.length > 0 && found.type === 'unknown') return undefined
    const { commandHelp, usageText } = await import('./usage.ts')
    return found.type === 'command' ? commandHelp(found.command) : usageText(found.type === 'group' ? found.path : [])
  },
  async completion(shell) {
    return (await import('./completion.ts')).COMPLETIONS.get(shell)?.()
  },
}

function startJson(failure: StartFailure): Record<string, unknown> {
  return { message: `${failure.message}: ${failure.detail}`, hint: failure.hint }
}

async function complainUnknown(
  words: readonly string[],
  found: { readonly type: 'unknown' } | { readonly type: 'group'; readonly path: readonly string[] },
  console: Console,
): Promise<number> {
  const { usageText } = await import('./usage.ts')
  if (found.type === 'group') {
    const path = found.path.join(' ')
    const what = path.endsWith('iterate') ? 'unknown type' : 'unknown sub-command'
    const isMissing = words.length === found.path.length
    const message = isMissing
      ? `${path}: requires ${path.endsWith('iterate') ? 'a type' : 'a sub-command'}`
      : `${path}: ${what}`
    console.log('ERROR', message, { given: isMissing ? undefined : words[found.path.length] })
    console.complain(usageText(found.path))
    return EXIT_FAILURE
  }
  const { nearestName } = await import('../config/spelling.ts')
  const { commandNames } = await import('./commands.ts')
  const nearest = nearestName(words[0] ?? '', commandNames())
  const hint = nearest === undefined ? undefined : `did you mean ${nearest}?`
  console.log('ERROR', 'Unknown command', { command: words[0], hint })
  console.complain(usageText())
  return EXIT_FAILURE
}

/** `name;dur=1.5, …` as fields of a diagnostic. */
function phasesOf(serverTiming: string): Record<string, string> {
  return Object.fromEntries(
    serverTiming.split(', ').map((metric) => {
      const [phase = '', duration = ''] = metric.split(';dur=')
      return [phase, duration]
    }),
  )
}
