// From a command to the file that carries it out.
import { unreachable } from '../base/assert.ts'
import { applyAliasCreate, applyAliasDelete, isAliasGone } from './aliases.ts'
import type { Command, CommandResult, DirectCommand } from './commands.ts'
import { applyEntityCreate, applyEntityDelete, applyEntityPurge } from './entities.ts'
import { applyDeleteRange } from './kv.ts'
import { applyLimitsSet } from './limits.ts'
import { rejected } from './results.ts'
import {
  applySubscriptionAcquire,
  applySubscriptionRelease,
  applySubscriptionReport,
  applySubscriptionShake,
} from './subscribers.ts'
import type { Transaction } from './transaction.ts'
import { applyBatch, applyOperation, applyTxn } from './txn.ts'

/** Carries out one command. A promise only where the store has to be searched. */
export function evaluate(tx: Transaction, command: Command): CommandResult | Promise<CommandResult> {
  if (command.type !== 'alias.act') return evaluateDirect(tx, command)
  return isAliasGone(tx, command.keyUuid) ? rejected('ENTITY_NOT_FOUND') : evaluateDirect(tx, command.command)
}

function evaluateDirect(tx: Transaction, command: DirectCommand): CommandResult | Promise<CommandResult> {
  switch (command.type) {
    case 'kv.set':
    case 'kv.setnx':
    case 'kv.cas':
    case 'kv.cas-revision':
    case 'kv.bump':
    case 'kv.delete':
    case 'kv.expire':
    case 'event.publish':
      return applyOperation(tx, command)
    case 'kv.delete-range':
      return applyDeleteRange(tx, command)
    case 'txn':
      return applyTxn(tx, command)
    case 'batch':
      return applyBatch(tx, command)
    case 'subscription.acquire':
      return applySubscriptionAcquire(tx, command)
    case 'subscription.release':
      return applySubscriptionRelease(tx, command)
    case 'subscription.report':
      return applySubscriptionReport(tx, command)
    case 'subscription.shake':
      return applySubscriptionShake(tx, command)
    case 'entity.create':
      return applyEntityCreate(tx, command)
    case 'entity.delete':
      return applyEntityDelete(tx, command)
    case 'entity.purge':
      return applyEntityPurge(tx, command)
    case 'limits.set':
      return applyLimitsSet(tx, command)
    case 'alias.create':
      return applyAliasCreate(tx, command)
    case 'alias.delete':
      return applyAliasDelete(tx, command)
    default:
      return unreachable(command)
  }
}
