// Several operations on values, cache and events in one log entry: batch carries out each for itself, txn all or nothing.
import { must } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { errorEntry, insiError } from '../contract/errors.ts'
import { OPERATIONS_BYTES_MAX } from '../contract/limits.ts'
import { operationSizeBytes } from '../state/operation-codec.ts'
import type { CommandResult, Compare, OperationCommand, Space } from '../state/commands.ts'
import type { Caller } from './caller.ts'
import type { CasRequest } from './key-values.ts'
import { rejectionError } from './key-values.ts'
import type { AppliedResult, Proposer } from './proposer.ts'

interface OnKey {
  readonly space: Space
  readonly key: Buffer
}

interface Writing extends OnKey {
  /** Absent: the standard time to live of the space. */
  readonly ttlMs: number | undefined
}

/** One operation, as a caller states it. */
export type Operation =
  | (Writing & { readonly op: 'set' | 'setnx'; readonly value: Buffer })
  | (Writing & { readonly op: 'cas'; readonly expected: CasRequest['expected']; readonly newValue: Buffer })
  | (OnKey & { readonly op: 'bump'; readonly delta: bigint; readonly min: bigint | null })
  | (OnKey & { readonly op: 'expire'; readonly ttlMs: number | null })
  | (OnKey & { readonly op: 'delete' })
  | { readonly op: 'publish'; readonly topic: string; readonly data: Buffer }

export interface TxnRequest {
  readonly compare: readonly Compare[]
  readonly then: readonly Operation[]
  readonly else: readonly Operation[]
}

export interface TxnOutcome {
  /** Whether every comparison held, so that `then` was carried out; else `else` was. */
  readonly succeeded: boolean
  readonly results: readonly AppliedResult[]
  readonly revision: number
}

/** When an entry of a space expires that is written now with this time to live; 0: never. */
type ExpiryOf = (ttlMs: number | undefined) => number

export interface TransactionServiceDeps {
  readonly clock: Clock
  readonly proposer: Proposer
}

export interface TransactionServiceOptions {
  readonly expiryOf: Readonly<Record<Space, ExpiryOf>>
  /** At the memory limit, cache entries make room instead of the write being refused. */
  readonly evict: boolean
  readonly retainMs: number
  readonly retainSizeBytes: number
}

export class TransactionService {
  readonly #deps: TransactionServiceDeps
  readonly #options: TransactionServiceOptions

  constructor(deps: TransactionServiceDeps, options: TransactionServiceOptions) {
    this.#deps = deps
    this.#options = options
  }

  /**
   * Carries out each operation for itself, in order, in one commit. Resolves with what each of them answered, rejections
   * included. Rejects with BODY_TOO_LARGE when they are too large together.
   */
  async batch(caller: Caller, operations: readonly Operation[]): Promise<readonly CommandResult[]> {
    const commands = this.#commandsOf(caller, operations)
    checkSize(commands)
    const whole = { timeMs: this.#deps.clock.nowMs(), entityId: caller.entityId }
    const result = await this.#deps.proposer.submitFor(caller, { type: 'batch', ...whole, commands })
    if (!result.ok) throw rejectionError(result.code, result.details)
    return must(result.results, 'a batch answers the results of its operations')
  }

  /** Rejects with the code of the first operation that is rejected; then nothing was changed. */
  async txn(caller: Caller, { compare, ...branches }: TxnRequest): Promise<TxnOutcome> {
    const thenCommands = this.#commandsOf(caller, branches.then)
    const elseCommands = this.#commandsOf(caller, branches.else)
    const compareSizeBytes = compare.reduce(
      (sum, one) => sum + one.key.length + ('value' in one ? one.value.length : 0),
      0,
    )
    checkSize([...thenCommands, ...elseCommands], compareSizeBytes)
    const whole = { timeMs: this.#deps.clock.nowMs(), entityId: caller.entityId }
    const command = { type: 'txn', ...whole, compare, then: thenCommands, else: elseCommands } as const
    const result = await this.#deps.proposer.submitFor(caller, command)
    if (!result.ok) throw rejectedTxn(result)
    const results = must(result.results, 'a txn answers the results of its operations')
    return {
      succeeded: result.succeeded === true,
      results: results.filter((one) => one.ok),
      revision: result.revision,
    }
  }

  #commandsOf(caller: Caller, operations: readonly Operation[]): OperationCommand[] {
    return operations.map((operation) => this.#commandOf(caller, operation))
  }

  #commandOf({ entityId }: Caller, operation: Operation): OperationCommand {
    const timeMs = this.#deps.clock.nowMs()
    const { expiryOf, retainMs, retainSizeBytes } = this.#options
    if (operation.op === 'publish') {
      const { topic, data } = operation
      return { type: 'event.publish', timeMs, entityId, topic, data, retainMs, retainSizeBytes }
    }
    const { space, key } = operation
    const target = { timeMs, space, entityId, key }
    switch (operation.op) {
      case 'delete':
        return { type: 'kv.delete', ...target }
      case 'expire': {
        const expiresAtMs = operation.ttlMs === null ? 0 : expiryOf[space](operation.ttlMs)
        return { type: 'kv.expire', ...target, expiresAtMs }
      }
      case 'bump':
        return { type: 'kv.bump', ...target, ...this.#room(space), delta: operation.delta, min: operation.min }
      default: {
        const written = { ...target, ...this.#room(space), expiresAtMs: expiryOf[space](operation.ttlMs) }
        if (operation.op !== 'cas') return { type: `kv.${operation.op}`, ...written, value: operation.value }
        const { expected, newValue } = operation
        return 'value' in expected
          ? { type: 'kv.cas', ...written, oldValue: expected.value, newValue }
          : { type: 'kv.cas-revision', ...written, revision: expected.revision, newValue }
      }
    }
  }

  #room(space: Space): { readonly evict?: boolean } {
    return space === 'cache' && this.#options.evict ? { evict: true } : {}
  }
}

function rejectedTxn({ code, details }: Extract<CommandResult, { readonly ok: false }>): Error {
  const operation = details?.['operation']
  if (operation === undefined) return rejectionError(code, details)
  return insiError(code, `operation ${operation}: ${errorEntry(code).meaning}`, details)
}

function checkSize(commands: readonly OperationCommand[], startBytes = 0): void {
  const sizeBytes = commands.reduce((sum, command) => sum + operationSizeBytes(command), startBytes)
  if (sizeBytes <= OPERATIONS_BYTES_MAX) return
  const message = `The operations are too large together: ${sizeBytes} bytes, the limit is ${OPERATIONS_BYTES_MAX} bytes`
  throw insiError('BODY_TOO_LARGE', message)
}
