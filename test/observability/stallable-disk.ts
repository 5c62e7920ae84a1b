// A file system of its own for one node, in a file, that can be frozen as a disk that hangs is: writes and syncs then wait. Needs root.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { promisify } from 'node:util'

const SIZE = '256M'
/** Whatever happens to the test: processes that wait for a frozen disk cannot even be killed. */
const THAW_AFTER_SECONDS = 90

const execute = promisify(execFile)

export const mayMount = process.getuid?.() === 0

export class StallableDisk {
  readonly #folder: string
  #guard: ChildProcess | undefined

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** Makes the folder and mounts a new file system there, which lies in `file`. */
  static async mount(file: string, folder: string): Promise<StallableDisk> {
    await mkdir(folder, { recursive: true })
    await execute('truncate', ['--size', SIZE, file])
    await execute('mkfs.ext4', ['-q', '-m', '0', file])
    await execute('mount', ['-o', 'loop', file, folder])
    return new StallableDisk(folder)
  }

  async freeze(): Promise<void> {
    const command = `sleep ${THAW_AFTER_SECONDS}; fsfreeze --unfreeze "$0"`
    this.#guard = spawn('sh', ['-c', command, this.#folder], { detached: true, stdio: 'ignore' })
    this.#guard.unref()
    await execute('fsfreeze', ['--freeze', this.#folder])
  }

  async thaw(): Promise<void> {
    const guard = this.#guard
    if (guard?.pid === undefined) return
    this.#guard = undefined
    await execute('fsfreeze', ['--unfreeze', this.#folder])
    process.kill(-guard.pid, 'SIGKILL')
  }

  async unmount(): Promise<void> {
    await this.thaw()
    await execute('umount', [this.#folder])
  }
}
