// kubectl, helm and port-forwards for the suites of this folder. Importing this fails when the tools or the cluster are missing.
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const ROOT = path.resolve(import.meta.dirname, '../..')
export const CHART = path.join(ROOT, 'charts/insi')
/** The image that the cluster has; see .ci/run. */
export const IMAGE = process.env['INSI_IMAGE'] ?? 'insi:test'

/** The image of another version, which the cluster has too. Fails without one: an upgrade to the same image replaces nothing. */
export function nextImage(): string {
  return given('INSI_NEXT_IMAGE', 'an image of another version than INSI_IMAGE')
}

/** A setting that a suite cannot do without. */
export function given(name: string, meaning: string): string {
  const value = process.env[name] ?? ''
  if (value === '') throw new Error(`npm run test:kube needs ${name}: ${meaning}`)
  return value
}

const OUTPUT_BYTES_MAX = 16 << 20

/** Runs a program and returns what it printed; fails with all of it. */
export async function run(program: string, words: readonly string[], input?: string): Promise<string> {
  try {
    const running = execute(program, words, { encoding: 'utf8', maxBuffer: OUTPUT_BYTES_MAX })
    if (input !== undefined) running.child.stdin?.end(input)
    return (await running).stdout
  } catch (error) {
    const { stderr = '', stdout = '' } = error as { stderr?: string; stdout?: string }
    throw new Error(`${program} ${words.join(' ')}: ${stderr}${stdout}`, { cause: error })
  }
}

export const kubectl = (...words: string[]): Promise<string> => run('kubectl', words)
export const helm = (...words: string[]): Promise<string> => run('helm', words)

/** Fails loudly when these suites cannot run: they are never skipped. */
export function requireCluster(): void {
  requireHelm()
  if ((process.env['KUBECONFIG'] ?? '') === '') throw new Error('npm run test:kube needs KUBECONFIG')
  try {
    execFileSync('kubectl', ['get', '--raw', '/readyz'], { stdio: 'pipe', timeout: 15_000 })
  } catch (error) {
    throw new Error('npm run test:kube needs kubectl and a running Kubernetes behind KUBECONFIG', { cause: error })
  }
}

export function requireHelm(): void {
  try {
    execFileSync('helm', ['version'], { stdio: 'pipe', timeout: 15_000 })
  } catch (error) {
    throw new Error('npm run test:kube needs helm', { cause: error })
  }
}

/** Renders the chart as `helm template` does, for one Kubernetes version. */
export function render(values: readonly string[], more: readonly string[] = []): Promise<string> {
  const set = values.flatMap((value) => ['--set', value])
  return helm('template', 'insi', CHART, '--kube-version', '1.34.0', '--namespace', 'insi', ...set, ...more)
}

/** A port of this machine that leads to a pod or service; it is opened again when the connection to the pod ends. */
export class PortForward {
  readonly #words: readonly string[]
  #process: ChildProcess | undefined
  #port: number | undefined
  #isOpen = true

  constructor(namespace: string, target: string, port = 8080) {
    this.#words = ['--namespace', namespace, 'port-forward', '--address', '127.0.0.1', target, `:${port}`]
    this.#start()
  }

  /** Throws while there is no connection. */
  get url(): string {
    if (this.#port === undefined) throw new Error(`${this.#words.join(' ')} is not connected`)
    return `http://127.0.0.1:${this.#port}`
  }

  #start(): void {
    const child = spawn('kubectl', this.#words, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process = child
    child.stdout.on('data', (chunk: Buffer) => {
      const port = /127\.0\.0\.1:(\d+)/.exec(chunk.toString())?.[1]
      if (port !== undefined) this.#port = Number(port)
    })
    // kubectl goes on after a pod was replaced, but its connections lead nowhere.
    child.stderr.on('data', (chunk: Buffer) => {
      if (/lost connection|error forwarding|unable to/i.test(chunk.toString())) child.kill()
    })
    child.once('close', () => {
      this.#port = undefined
      if (this.#isOpen) setTimeout(() => this.#isOpen && this.#start(), 300)
    })
  }

  /** Connects anew: kubectl does not always notice that its pod was replaced. */
  restart(): void {
    this.#process?.kill()
  }

  close(): void {
    this.#isOpen = false
    this.#process?.kill()
  }
}
