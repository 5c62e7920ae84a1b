// A backup of many values while others write: its throughput, what it costs those who write, and how long the way back takes.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { WritingAgent, residentMiB } from './memory.ts'
import { startInsi, type Target } from './targets.ts'

const ROOT = path.resolve(import.meta.dirname, '..')
const VALUE_COUNT = 300_000
/** As hexadecimal text, so that it compresses to half. */
const VALUE_BYTES = 2_048
const WRITERS = 4
const QUIET_MS = 8_000
const RSS_INTERVAL_MS = 50
const MIB = 2 ** 20

interface Made {
  readonly stream_size_bytes: number
  readonly size_bytes: number
  readonly records: number
  readonly duration_ms: number
}

/** What writers see between two moments. */
class WriteLoad {
  readonly #target: Target
  readonly #agent = new WritingAgent(WRITERS)
  readonly #workers: readonly Promise<void>[]
  #latenciesMs: number[] = []
  #residentMiB = 0
  readonly #sampler: NodeJS.Timeout
  readonly #stopping = new AbortController()

  constructor(target: Target) {
    this.#target = target
    this.#workers = Array.from({ length: WRITERS }, (_, worker) => this.#write(worker))
    this.#sampler = setInterval(() => {
      this.#residentMiB = Math.max(this.#residentMiB, residentMiB(target))
    }, RSS_INTERVAL_MS)
  }

  /** The row of a table; begins anew. */
  take(name: string): string {
    const sorted = this.#latenciesMs.toSorted((one, other) => one - other)
    const at = (part: number): string => (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(1)
    const row = `| ${name} | ${at(0.5)} | ${at(0.99)} | ${this.#residentMiB.toFixed(0)} |`
    this.#latenciesMs = []
    this.#residentMiB = 0
    return row
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    clearInterval(this.#sampler)
    await Promise.all(this.#workers)
    this.#agent.destroy()
  }

  async #write(worker: number): Promise<void> {
    for (let count = 0; !this.#stopping.signal.aborted; count++) {
      const began = performance.now()
      await this.#agent.set(this.#target, `load-${worker}-${count % 500}`, 'v'.repeat(200))
      this.#latenciesMs.push(performance.now() - began)
    }
  }
}

async function fill(target: Target): Promise<void> {
  const agent = new WritingAgent(64)
  let next = 0
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      while (next < VALUE_COUNT) {
        const number = next++
        await agent.set(target, `key${number}`, randomBytes(VALUE_BYTES / 2).toString('hex'))
        if (number % 50_000 === 0) process.stderr.write(`${number} values\n`)
      }
    }),
  )
  agent.destroy()
}

function run(program: string, words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [path.join(ROOT, 'src/bin', program), ...words], (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(stderr, { cause: error }))
    })
  })
}

/** Prints two tables; see docs/PERFORMANCE.md. */
export async function measureBackup(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'insi-bench-'))
  const target = await startInsi(1, folder, true)
  let isStopped = false
  try {
    await fill(target)
    const config = path.join(folder, 'cluster.yaml')
    const load = new WriteLoad(target)
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS))
    const rows = [load.take('before')]
    const made = JSON.parse(
      await run('insic.ts', ['--config', config, '--root', '-o', 'json', 'cluster', 'backup', `${folder}/backups/`]),
    ) as Made
    rows.push(load.take('during the backup'))
    await load.stop()
    await target.stop()
    isStopped = true
    const drill = JSON.parse(await run('insid.ts', ['verify-backup', `${folder}/backups`, '--json'])) as Made
    const began = performance.now()
    const home = ['--home', path.join(folder, 'restored')]
    await run('insid.ts', ['restore', '--as', 'node0', '--config', config, ...home, `${folder}/backups`])
    const restoreSeconds = (performance.now() - began) / 1_000
    console.log(`| ${WRITERS} writers | p50 ms | p99 ms | most resident MiB |\n|---|---|---|---|\n${rows.join('\n')}`)
    const perSecond = made.stream_size_bytes / MIB / (made.duration_ms / 1_000)
    console.log(
      `\n${made.records} records, ${(made.stream_size_bytes / MIB).toFixed(0)} MiB, stored as ${(made.size_bytes / MIB).toFixed(0)} MiB: ` +
        `backup ${(made.duration_ms / 1_000).toFixed(1)} s (${perSecond.toFixed(0)} MiB/s), drill ${(drill.duration_ms / 1_000).toFixed(1)} s, restore ${restoreSeconds.toFixed(1)} s`,
    )
  } finally {
    if (!isStopped) await target.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
