// A process that writes a log on real files is killed at any moment: whatever it called durable is there.
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { systemRandom } from '../../src/base/random.ts'
import { SegmentedLog } from '../../src/replication/log/segmented-log.ts'
import { NodeDisk } from '../../src/storage/node-disk.ts'
import { entryOf } from '../unit/replication/log-fixture.ts'

const ROUNDS = Number(process.env['ROUNDS'] ?? 4)
const WRITER = path.join(import.meta.dirname, '../support/log-writer.ts')

/** Lets the writer run until it has reported `lineCount` flushes, kills it, and resolves with its last report. */
function writeAndKill(directory: string, lineCount: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const writer = spawn(process.execPath, ['--no-warnings', WRITER, directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    writer.stdout.setEncoding('utf8').on('data', (piece: string) => {
      output += piece
      if (output.split('\n').length > lineCount) writer.kill('SIGKILL')
    })
    writer.on('error', reject)
    writer.on('close', (code, signal) => {
      if (signal !== 'SIGKILL') reject(new Error(`the writer ended by itself with ${String(code)}`))
      else resolve(output.split('\n').at(-2)?.split(' ').map(Number) ?? [])
    })
  })
}

test('a killed process loses nothing that was durable', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'insi-kill-'))
  try {
    for (let round = 1; round <= ROUNDS; round++) {
      const [term = 0, index = 0, base = 0] = await writeAndKill(directory, 20 * round + systemRandom.int(60))
      expect(index).toBeGreaterThan(0)
      const disk = new NodeDisk(directory)
      const log = await SegmentedLog.open({
        disk,
        directory: 'log',
        random: systemRandom,
        create: false,
        cacheSizeBytes: 1_000,
      })
      expect(log.base.index).toBeGreaterThanOrEqual(base)
      expect(log.hardState.term).toBeGreaterThanOrEqual(term)
      // A flush that was cut short may have replaced the end of the log by entries of a later term.
      const lastTerm = log.termAt(log.lastIndex) ?? 0
      expect(lastTerm > term || (lastTerm === term && log.lastIndex >= index)).toBe(true)
      if (lastTerm === term) expect(log.termAt(index)).toBe(term)
      const entries = log.entries(log.firstIndex, log.lastIndex + 1, 1e9) ?? []
      expect(entries).toHaveLength(log.lastIndex - log.base.index)
      const wrong = entries.filter(({ index: at, term: of, data }) => !entryOf(at, of, data.length).data.equals(data))
      expect(wrong).toEqual([])
      await log.close()
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}, 60_000)
