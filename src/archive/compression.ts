// Backups are stored as one Zstandard frame with its own checksum. What is read may also be as it came over the wire.
import type { Readable, Transform } from 'node:stream'
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib'
import { snapshotCorrupt } from '../contract/frames.ts'

const ZSTD_MAGIC = Buffer.of(0x28, 0xb5, 0x2f, 0xfd)

export function compressor(): Transform {
  return createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } })
}

/** The bytes of `source` before they were compressed. Throws InsiError SNAPSHOT_CORRUPT when they cannot be had. */
export async function* decompressed(source: Readable): AsyncGenerator<Buffer> {
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  const first: Buffer[] = []
  while (Buffer.concat(first).length < ZSTD_MAGIC.length) {
    const { value, done } = await chunks.next()
    if (done === true) break
    first.push(value)
  }
  const rest = startingWith(Buffer.concat(first), chunks)
  if (Buffer.concat(first).subarray(0, ZSTD_MAGIC.length).equals(ZSTD_MAGIC)) yield* inflated(rest)
  else yield* rest
}

async function* inflated(compressed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const { pipeline } = await import('node:stream/promises')
  const inflate = createZstdDecompress()
  let sizeBytes = 0
  const counted = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of compressed) {
      sizeBytes += chunk.length
      yield chunk
    }
  }
  const fed = pipeline(counted(), inflate)
  // What fails shows in the loop below.
  fed.catch(() => {})
  try {
    for await (const chunk of inflate) yield chunk as Buffer
    await fed
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (code === 'Z_BUF_ERROR') throw snapshotCorrupt('it is not complete')
    if (code.startsWith('ZSTD_error') || code.startsWith('Z_')) throw snapshotCorrupt('its compression is damaged')
    throw error
  }
  // Bytes behind the end are not looked at by the library, and no backup of ours has any.
  if (inflate.bytesWritten !== sizeBytes) throw snapshotCorrupt('it goes on behind its end')
}

async function* startingWith(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first
  for (;;) {
    const { value, done } = await rest.next()
    if (done === true) return
    yield value
  }
}
