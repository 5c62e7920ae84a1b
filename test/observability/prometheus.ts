// A Prometheus process on a free port, with scrape jobs and rules of a test, and promtool beside it.
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { eventually } from '../support/eventually.ts'
import { freePorts } from '../support/ports.ts'
import { type Labels, PrometheusApi } from '../support/prometheus-api.ts'

const PROGRAMS = ['prometheus', 'promtool'] as const
const OUTPUT_BYTES_MAX = 1 << 18
const START_TIMEOUT_MS = 20_000
const SCRAPED_TIMEOUT_MS = 20_000
const DEFAULT_INTERVAL_MS = 1_000

const execute = promisify(execFile)

/** Fails loudly when a program is missing: these suites are never skipped. */
export function requirePrometheus(searchPath = process.env['PATH'] ?? ''): void {
  for (const program of PROGRAMS) {
    try {
      execFileSync(program, ['--version'], { stdio: 'pipe', env: { PATH: searchPath } })
    } catch (error) {
      throw new Error(
        `npm run test:observability needs the program ${program} on the PATH: install Debian's package with \`apt-get install prometheus\`, or unpack a release of prometheus.io`,
        { cause: error },
      )
    }
  }
}

/** Runs promtool. Resolves with what it printed; rejects with that when it finds a fault. */
export async function promtool(...words: string[]): Promise<string> {
  try {
    const { stderr, stdout } = await execute('promtool', words, { encoding: 'utf8' })
    return stdout + stderr
  } catch (error) {
    const { stderr = '', stdout = '' } = error as { readonly stdout?: string; readonly stderr?: string }
    throw new Error(`promtool ${words.join(' ')}\n${stdout}${stderr}`, { cause: error })
  }
}

export interface Target {
  /** host:port */
  readonly address: string
  readonly labels: Labels
}

export interface ScrapeJob {
  readonly name: string
  /** Default /metrics. */
  readonly metricsPath?: string
  readonly targets: readonly Target[]
}

export interface PrometheusOptions {
  readonly jobs: readonly ScrapeJob[]
  /** A rules file, in YAML. */
  readonly rules?: string
  /** Between scrapes, and between evaluations of the rules. */
  readonly intervalMs?: number
}

export class Prometheus extends PrometheusApi {
  readonly #child: ChildProcess
  readonly #folder: string
  readonly #output: string[]

  private constructor(url: string, child: ChildProcess, folder: string, output: string[]) {
    super(url)
    this.#child = child
    this.#folder = folder
    this.#output = output
  }

  /** Resolves once it is ready to answer; see scraped() for when it has something to tell. */
  static async start({ intervalMs = DEFAULT_INTERVAL_MS, jobs, rules }: PrometheusOptions): Promise<Prometheus> {
    requirePrometheus()
    const folder = await mkdtemp(path.join(tmpdir(), 'insi-prometheus-'))
    const [port = 0] = await freePorts(1)
    await writeFile(path.join(folder, 'rules.yaml'), rules ?? 'groups: []\n')
    for (const job of jobs) await writeFile(targetsFile(folder, job.name), targetsOf(job.targets))
    await writeFile(path.join(folder, 'prometheus.yml'), configOf(jobs, intervalMs))
    const child = spawn(
      'prometheus',
      [
        `--config.file=${folder}/prometheus.yml`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=warn',
      ],
      { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] },
    )
    const output: string[] = []
    const keep = (chunk: Buffer): void => {
      output.push(chunk.toString())
      while (output.length > 1 && output.join('').length > OUTPUT_BYTES_MAX) output.shift()
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    const prometheus = new Prometheus(`http://127.0.0.1:${port}`, child, folder, output)
    try {
      await eventually('Prometheus is ready', () => prometheus.#isReady(), { timeoutMs: START_TIMEOUT_MS })
    } catch (error) {
      await prometheus.stop()
      throw new Error(`Prometheus did not start; it printed:\n${output.join('')}`, { cause: error })
    }
    return prometheus
  }

  /** What its process printed, warnings only. */
  get output(): string {
    return this.#output.join('')
  }

  /** Resolves once each of its targets that answer was scraped `times` times since the start, and none is unknown. */
  async scraped(times = 3, timeoutMs = SCRAPED_TIMEOUT_MS): Promise<void> {
    await eventually(
      `each target was scraped ${times} times`,
      async () => {
        const known = (await this.targets()).every(({ health }) => health !== 'unknown')
        const least = await this.value('min(count_over_time(up[1h]))')
        return known && (least ?? 0) >= times ? true : undefined
      },
      { timeoutMs },
    )
  }

  /** Replaces the targets of a job; Prometheus sees it within moments. */
  async setTargets(jobName: string, targets: readonly Target[]): Promise<void> {
    const file = targetsFile(this.#folder, jobName)
    await writeFile(`${file}.new`, targetsOf(targets))
    await rename(`${file}.new`, file)
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = new Promise((resolve) => this.#child.once('exit', resolve))
      this.#child.kill('SIGKILL')
      await ended
    }
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 3 })
  }

  async #isReady(): Promise<true | undefined> {
    return (await fetch(`${this.url}/-/ready`)).ok ? true : undefined
  }
}

const targetsFile = (folder: string, jobName: string): string => path.join(folder, `targets-${jobName}.json`)

const targetsOf = (targets: readonly Target[]): string =>
  JSON.stringify(targets.map(({ address, labels }) => ({ targets: [address], labels })))

/** In JSON, which is YAML. */
function configOf(jobs: readonly ScrapeJob[], intervalMs: number): string {
  const interval = `${intervalMs}ms`
  return JSON.stringify({
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: ['rules.yaml'],
    scrape_configs: jobs.map(({ metricsPath = '/metrics', name }) => ({
      job_name: name,
      metrics_path: metricsPath,
      file_sd_configs: [{ files: [`targets-${name}.json`] }],
    })),
  })
}
