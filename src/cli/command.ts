// What a command of insic is: its entry in the table, what it is given, and how it fails.
import type { HttpClient } from '../client/http.ts'
import type { Console } from './console.ts'
import type { FlagSpec, FlagValues } from './flags.ts'

export interface Argument {
  readonly name: string
  readonly meaning: string
  /** The only words that it may be, where there are few: shells offer them. */
  readonly choices?: readonly string[]
  readonly optional?: boolean
  /** Takes all remaining words. */
  readonly isRepeated?: boolean
}

interface Example {
  readonly line: string
  readonly meaning: string
}

/**
 * What a command needs before it runs. `nothing`: not even a configuration. `configuration`: a secret or addresses, no key.
 * `key`: a client. `root`: a client, and the flag --root. `implied-root`: a client with the root key, flag or not.
 */
export type Access = 'nothing' | 'configuration' | 'key' | 'root' | 'implied-root'

export interface Command {
  /** The words that name it: `cache`, `get`. */
  readonly path: readonly string[]
  readonly summary: string
  readonly details?: string
  readonly args: readonly Argument[]
  readonly flags?: readonly FlagSpec[]
  /** The flags stand right after the name or after the last required argument, where no word can be meant as a value. */
  readonly flagsAround?: boolean
  readonly access: Access
  /** How "requires --root flag" names it, where that is not its path. */
  readonly rootName?: string
  /** Diagnostic of a failure that the command does not tell apart itself. */
  readonly failure: string
  readonly examples: readonly Example[]
  /** Loads only the code of this command. */
  readonly load: () => Promise<Run>
}

export type Run = (context: CommandContext) => Promise<void>

/** How results are printed: for people, or one line of JSON. */
export type Format = 'table' | 'json'

/** What the process is given on stdin. */
export interface Input {
  /** A person types it. */
  readonly isTerminal: boolean
  /** All of it. */
  readText(): Promise<string>
  /** The next line; undefined when there is none. */
  readLine(): Promise<string | undefined>
}

export interface CommandContext {
  readonly command: Command
  /** As many as the table asks for; a missing optional one is undefined. */
  readonly args: readonly string[]
  /** The command's own flags. */
  readonly flags: FlagValues
  readonly format: Format
  readonly console: Console
  readonly input: Input
  readonly texts: CommandTexts
  readonly isRoot: boolean
  /** The client. Only for commands whose access is not `nothing` or `configuration`. */
  http(): HttpClient
  /** A client with a key that was given as an argument. */
  httpWithKey(apiKey: string): Promise<HttpClient>
  /** A client of one node of the configuration with the root key. Rejects with CommandFailure when there is none. */
  nodeClient(nodeId: string): Promise<HttpClient>
  /** Where the other nodes reach a node of the configuration; undefined when it is not there. */
  raftAddressOf(nodeId: string): Promise<string | undefined>
  /** What the process exits with when the command succeeds; 0 when this is not called. */
  exitWith(code: number): void
  /** The root key, from the configuration or the environment. */
  rootKey(): Promise<string>
  /** Aborts when the process is asked to end. Before the first call such a request ends the process at once. */
  interruption(): AbortSignal
}

/** Texts that are made from the table of all commands, which no command imports itself. Undefined: there is none. */
export interface CommandTexts {
  /** About the command or group that `words` name, or about everything. */
  help(words: readonly string[]): Promise<string | undefined>
  completion(shell: string): Promise<string | undefined>
}

/** Shells that have a completion script. */
export const SHELLS: readonly string[] = ['bash', 'zsh', 'fish']

export type Colour = 'bright-green' | 'green' | 'red' | 'yellow' | 'cyan'

export interface Line {
  readonly text: string
  readonly colour?: Colour
}

/** A failure with the lines that stderr gets for it. */
export class CommandFailure extends Error {
  readonly lines: readonly string[]
  /** The diagnostic before the lines; none when absent. */
  readonly log: { readonly level: 'WARN' | 'ERROR'; readonly message: string } | undefined
  /** Lines that stdout gets all the same. */
  readonly outputLines: readonly string[]

  constructor(
    lines: readonly string[],
    options: {
      readonly log?: { readonly level: 'WARN' | 'ERROR'; readonly message: string }
      readonly outputLines?: readonly string[]
      readonly cause?: unknown
    } = {},
  ) {
    super(lines.join('\n'), options.cause === undefined ? undefined : { cause: options.cause })
    this.lines = lines
    this.log = options.log
    this.outputLines = options.outputLines ?? []
  }
}

/** A wrong use of a command: a diagnostic, then how it is used. */
export class UsageFailure extends Error {
  readonly fields: Readonly<Record<string, string>>

  constructor(message: string, fields: Readonly<Record<string, string>> = {}) {
    super(message)
    this.fields = fields
  }
}

/** Why no client could be made: the diagnostic's message, with the reason as `detail`. */
export class StartFailure extends Error {
  readonly detail: string
  readonly hint: string | undefined

  constructor(message: string, detail: string, hint?: string) {
    super(message)
    this.detail = detail
    this.hint = hint
  }
}

/** The words that name a command, as they are typed. */
export function nameOf(command: Command): string {
  return command.path.join(' ')
}

/** The argument at `index`, which the table promises to be there. */
export function argument(context: CommandContext, index: number): string {
  const value = context.args[index]
  if (value === undefined) throw new UsageFailure(`${nameOf(context.command)}: an argument is missing`)
  return value
}

/** Fails unless --root was given; `name` stands in the message. */
export function requireRoot(isRoot: boolean, name: string): void {
  if (!isRoot) throw new CommandFailure([`Error: ${name} requires --root flag.`])
}
