// Passes the lines of a child's output on, each with a prefix and never torn by another child's.
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

/** Resolves at the end of `source`. Reads no faster than `target` takes. */
export async function relayLines(source: Readable, target: Writable, prefix: string): Promise<void> {
  for await (const line of createInterface({ input: source, crlfDelay: Infinity })) {
    if (target.destroyed || target.write(`${prefix}${line}\n`)) continue
    await Promise.race([once(target, 'drain'), once(target, 'close')])
  }
}
