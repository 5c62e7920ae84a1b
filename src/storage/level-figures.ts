// What LevelDB tells of its tables and compactions: the text of its property leveldb.stats, one line a level.
import type { StoreFigures } from './ordered-store.ts'

const MIB = 1024 * 1024
/** Level, files, their MiB, and since the database was opened: seconds of compaction, MiB read, MiB written. */
const LEVEL_LINE = /^\s*\d+\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*$/

/** The sums over all levels. LevelDB rounds each to whole seconds and MiB. */
export function levelFigures(text: string): StoreFigures {
  const sums = [0, 0, 0, 0, 0]
  for (const line of text.split('\n')) {
    const numbers = LEVEL_LINE.exec(line)?.slice(1) ?? []
    numbers.forEach((number, at) => (sums[at] = (sums[at] ?? 0) + Number(number)))
  }
  const [tableCount = 0, sizeMib = 0, compactionSeconds = 0, readMib = 0, writtenMib = 0] = sums
  return {
    tableCount,
    tablesSizeBytes: sizeMib * MIB,
    compactionSeconds,
    compactionReadBytes: readMib * MIB,
    compactionWrittenBytes: writtenMib * MIB,
  }
}
