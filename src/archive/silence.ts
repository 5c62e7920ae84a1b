// A stream over the network that stops without an end: whoever reads it is told, and does not wait for ever.
import { addAbortSignal } from 'node:stream'
import type { Readable } from 'node:stream'
import type { Clock } from '../base/clock.ts'
import { ArchiveError } from './archive.ts'

/** A node that makes a backup sends something every few milliseconds. */
export const SILENCE_MAX_MS = 60_000

/**
 * The bytes of `source`. Throws ArchiveError when none come for SILENCE_MAX_MS while they are waited for, and the reason of
 * `signal` when that aborts. The time that the reader takes for itself does not count.
 */
export async function* endingOnSilence(
  source: Readable,
  clock: Pick<Clock, 'after'>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  addAbortSignal(signal, source)
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
  try {
    for (;;) {
      const timer = clock.after(SILENCE_MAX_MS, () => {
        source.destroy(new ArchiveError(`the node has sent nothing for ${SILENCE_MAX_MS / 1000} s: no backup was made`))
      })
      const { value, done } = await chunks.next().finally(() => timer.cancel())
      if (done === true) return
      yield value
    }
  } finally {
    source.destroy()
  }
}
