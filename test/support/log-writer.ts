// A process that writes a log until it is killed, and says on standard output what is durable. Argument: the data directory.
import { writeSync } from 'node:fs'
import { systemRandom } from '../../src/base/random.ts'
import { must } from '../../src/base/assert.ts'
import { SegmentedLog } from '../../src/replication/log/segmented-log.ts'
import { NodeDisk } from '../../src/storage/node-disk.ts'
import { entryOf } from '../unit/replication/log-fixture.ts'

const disk = new NodeDisk(must(process.argv[2], 'the data directory is the argument'))
const random = systemRandom
const log = await SegmentedLog.open({ disk, directory: 'log', random, create: true, segmentSizeBytes: 20_000 })
let term = log.hardState.term + 1

for (;;) {
  if (random.int(20) === 0 && log.lastIndex > log.firstIndex + 10) {
    log.truncateFrom(log.lastIndex - random.int(5))
    term++
  }
  const from = log.lastIndex + 1
  log.append(Array.from({ length: 1 + random.int(20) }, (_, at) => entryOf(from + at, term, 20 + random.int(200))))
  const durable = await log.flush({ term, votedFor: null })
  writeSync(1, `${durable.term} ${durable.index} ${log.base.index}\n`)
  const index = durable.index - 100
  if (random.int(50) === 0 && index > log.base.index) {
    await log.cutTo({ index, term: must(log.termAt(index), 'it is held'), membership: { members: [] } })
  }
}
