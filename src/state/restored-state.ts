// A state from a backup, in a directory of its own beside or before any node.
import { InsiError } from '../base/errors.ts'
import type { BackupManifest } from '../contract/backup-stream.ts'
import { COMMAND_VERSION } from './command-codec.ts'
import type { InstallingSnapshot } from './installing-snapshot.ts'
import type { StateMachine } from './state-machine.ts'

/** Throws InsiError RESTORE_REFUSED when the backup is of a release that may have written what this one cannot read. */
export function assertReadable({ commandVersion, insiVersion }: BackupManifest): void {
  if (commandVersion <= COMMAND_VERSION) return
  throw new InsiError(
    'RESTORE_REFUSED',
    `the backup was made by release ${insiVersion}, whose records have version ${commandVersion}, and this release knows ` +
      `versions up to ${COMMAND_VERSION}: use release ${insiVersion} or a newer one`,
  )
}

/**
 * Writes the frames of a backup's snapshot beside the state, and checks them. The caller commits or aborts. Throws InsiError
 * SNAPSHOT_CORRUPT, and whatever `frames` throws, after aborting.
 */
export async function receiveState(
  state: StateMachine,
  frames: AsyncIterable<Uint8Array>,
): Promise<InstallingSnapshot> {
  const incoming = await state.beginInstall()
  try {
    for await (const frame of frames) await incoming.write(frame)
    await incoming.verify()
    return incoming
  } catch (error) {
    await incoming.abort()
    throw error
  }
}
