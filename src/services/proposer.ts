// How services change the state: encode a command, replicate it, turn a rejection into an error of the catalogue.
import { insiError } from '../contract/errors.ts'
import { encodeCommand } from '../state/command-codec.ts'
import type { Command, CommandResult } from '../state/commands.ts'
import type { Replicator } from './replicator.ts'

export type AppliedResult = Extract<CommandResult, { readonly ok: true }>

export class Proposer {
  readonly #replicator: Replicator

  constructor(replicator: Replicator) {
    this.#replicator = replicator
  }

  /** Resolves with what applying `command` answered. Rejects with what the replicator rejects with. */
  async submit(command: Command): Promise<CommandResult> {
    return (await this.#replicator.propose(encodeCommand(command))) as CommandResult
  }

  /** Like submit(), and throws the rejection as an InsiError with its code and details. */
  async apply(command: Command): Promise<AppliedResult> {
    const result = await this.submit(command)
    if (!result.ok) throw insiError(result.code, undefined, result.details)
    return result
  }
}
