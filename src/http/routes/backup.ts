// The route that hands out a backup: a stream of bytes at the pace of its reader.
import { pipeline } from 'node:stream/promises'
import type { BackupService } from '../../services/backups.ts'
import { binaryHeaders } from '../answers.ts'
import type { Handlers } from '../endpoints.ts'
import { consistencyOf } from '../field-types.ts'
import { readFields } from '../fields.ts'
import { callerOf } from '../middleware/authenticate.ts'
import { REQUEST_WORDS } from './words.ts'

const OK = 200

export function backupHandlers({ backups }: { readonly backups: BackupService }): Handlers {
  return {
    'cluster.backup': async (ctx) => {
      const backup = await backups.begin(callerOf(ctx), consistencyOf(ctx, readFields(ctx, REQUEST_WORDS)))
      try {
        ctx.res.writeHead(OK, binaryHeaders(ctx))
        await pipeline(backup.chunks(), ctx.res, { signal: backup.signal })
        await backup.end()
      } catch (error) {
        // The status is sent: only a connection that breaks off tells the reader that something is missing.
        ctx.res.destroy()
        await backup.end(error)
      }
    },
  }
}
