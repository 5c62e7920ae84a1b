// How services change the state: encode a command, replicate it, turn a rejection into an error of the catalogue.
import { currentTrace } from '../base/request-trace.ts'
import { insiError } from '../contract/errors.ts'
import { encodeCommand } from '../state/command-codec.ts'
import type { Command, CommandResult, DirectCommand } from '../state/commands.ts'
import type { Caller } from './caller.ts'
import type { Replicator } from './replicator.ts'

export type AppliedResult = Extract<CommandResult, { readonly ok: true }>

export class Proposer {
  readonly #replicator: Replicator

  constructor(replicator: Replicator) {
    this.#replicator = replicator
  }

  /** Resolves with what applying `command` answered. Rejects with what the replicator rejects with. */
  async submit(command: Command): Promise<CommandResult> {
    const trace = currentTrace()
    trace?.enter('write')
    const result = await this.#replicator.propose(encodeCommand(command))
    trace?.enter('answer')
    return result as CommandResult
  }

  /** Like submit(), for a caller: rejected with ENTITY_NOT_FOUND when its key is deleted before the command has its place. */
  async submitFor(caller: Caller, command: DirectCommand): Promise<CommandResult> {
    if (caller.kind !== 'alias') return this.submit(command)
    const { presentedKeyUuid: keyUuid } = caller
    return this.submit({ type: 'alias.act', timeMs: command.timeMs, keyUuid, command })
  }

  /** Like submit(), and throws the rejection as an InsiError with its code and details. */
  async apply(command: Command): Promise<AppliedResult> {
    const result = await this.submit(command)
    if (!result.ok) throw insiError(result.code, undefined, result.details)
    return result
  }
}
