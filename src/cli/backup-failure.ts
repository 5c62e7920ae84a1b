// What a place for backups, or the stream of one, says when it fails: as the failure of a command.
import { ArchiveError } from '../archive/archive.ts'
import { InsiError, messageOf } from '../base/errors.ts'
import { CommandFailure } from './command.ts'

/** Resolves or rejects like `work`, with CommandFailure; `outcome` says what has not happened. */
export async function tellBackupFailure<Result>(
  work: () => Promise<Result>,
  outcome = 'no backup was made',
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ArchiveError) throw new CommandFailure([`Error: ${error.message}`])
    if (error instanceof InsiError) throw new CommandFailure([`Error: ${outcome}: ${error.message}`])
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ABORT_ERR') throw new CommandFailure([`Error: interrupted: ${outcome}`])
    if (code === 'ECONNRESET') {
      throw new CommandFailure([`Error: the node broke off the backup; its log says why: ${outcome}`])
    }
    throw new CommandFailure([`Error: ${outcome}: ${messageOf(error)}`])
  }
}
