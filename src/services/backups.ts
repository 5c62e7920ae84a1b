// Backups of the state of this node, taken while it serves. Each holds a point in time of the store open, which costs disk space for
// as long as it lasts: there are few at once, and none goes on for ever.
import { messageOf } from '../base/errors.ts'
import type { Clock, Timer } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { encodeManifest } from '../contract/backup-stream.ts'
import type { BackupManifest } from '../contract/backup-stream.ts'
import { insiError } from '../contract/errors.ts'
import { BACKUPS_PER_NODE_MAX, BACKUP_CHUNK_BYTES, BACKUP_DURATION_MS_MAX } from '../contract/limits.ts'
import type { Consistency } from '../contract/route.ts'
import { COMMAND_VERSION } from '../state/command-codec.ts'
import type { StreamedSnapshot } from '../state/streamed-snapshot.ts'
import type { Caller } from './caller.ts'
import type { ReadGate } from './read-gate.ts'
import type { Replicator } from './replicator.ts'

/** Where a consistent state comes from; the state machine. At least one entry must be applied. */
export interface SnapshotSource {
  readonly appliedIndex: number
  openSnapshot(): Promise<StreamedSnapshot>
}

export interface BackupServiceDeps {
  readonly clock: Clock
  readonly log: Log
  readonly replicator: Replicator
  readonly readGate: ReadGate
  readonly snapshots: SnapshotSource
  readonly version: string
}

/** One backup on its way. Whoever began it must end it. */
export interface Backup {
  readonly manifest: BackupManifest
  /** Aborts when the backup must not go on: it takes too long, or the node stops. */
  readonly signal: AbortSignal
  /** All of it, once. Throws InsiError RECORD_CORRUPT or STATE_CORRUPT when this node's store is damaged. */
  chunks(): AsyncGenerator<Uint8Array>
  /** Releases the point in time. `error`: why not everything was handed over. */
  end(error?: unknown): Promise<void>
}

export class BackupService {
  readonly #deps: BackupServiceDeps
  readonly #durationMsMax: number
  readonly #underWay = new Set<RunningBackup>()
  /** Those that wait for the read barrier as well. */
  #count = 0
  #isStopping = false

  constructor(deps: BackupServiceDeps, { durationMsMax = BACKUP_DURATION_MS_MAX }: { durationMsMax?: number } = {}) {
    this.#deps = deps
    this.#durationMsMax = durationMsMax
  }

  /**
   * A backup with everything that was acknowledged before the call, or with `local` what this node has applied. Rejects with
   * BACKUP_UNDER_WAY, NODE_STOPPING, NODE_QUARANTINED, NO_LEADER or READ_TIMEOUT.
   */
  async begin(caller: Caller, consistency: Consistency): Promise<Backup> {
    const { clock } = this.#deps
    if (this.#count >= BACKUPS_PER_NODE_MAX) throw insiError('BACKUP_UNDER_WAY')
    this.#count++
    try {
      await this.#deps.readGate.enter(caller, consistency)
      const { clusterId, nodeId } = this.#assertUsable()
      const snapshot = await this.#deps.snapshots.openSnapshot()
      const manifest = {
        clusterId,
        nodeId,
        insiVersion: this.#deps.version,
        commandVersion: COMMAND_VERSION,
        createdAt: new Date(clock.nowMs()).toISOString(),
        index: snapshot.index,
        term: snapshot.term,
      }
      const backup = new RunningBackup(manifest, snapshot, this.#deps, this.#durationMsMax, () => this.#forget(backup))
      this.#underWay.add(backup)
      if (this.#isStopping) backup.abort(insiError('NODE_STOPPING'))
      return backup
    } catch (error) {
      this.#count--
      throw error
    }
  }

  /** Cuts what is under way, and resolves once nothing holds the store any more. */
  async stop(): Promise<void> {
    this.#isStopping = true
    const backups = [...this.#underWay]
    for (const backup of backups) backup.abort(insiError('NODE_STOPPING'))
    await Promise.all(backups.map(({ ended }) => ended))
  }

  #assertUsable(): { readonly clusterId: string; readonly nodeId: string } {
    if (this.#isStopping) throw insiError('NODE_STOPPING')
    const { clusterId, nodeId, quarantined } = this.#deps.replicator.status()
    if (quarantined !== null) throw insiError('NODE_QUARANTINED')
    if (clusterId === null || this.#deps.snapshots.appliedIndex === 0) throw insiError('NO_LEADER')
    return { clusterId, nodeId }
  }

  #forget(backup: RunningBackup): void {
    if (this.#underWay.delete(backup)) this.#count--
  }
}

class RunningBackup implements Backup {
  readonly manifest: BackupManifest
  /** Resolves when the point in time is released. */
  readonly ended: Promise<void>
  readonly #snapshot: StreamedSnapshot
  readonly #deps: BackupServiceDeps
  readonly #onEnd: () => void
  readonly #abortion = new AbortController()
  readonly #release = Promise.withResolvers<void>()
  readonly #timer: Timer
  readonly #startedMs: number
  #sizeBytes = 0
  #isComplete = false
  #isEnding = false

  constructor(
    manifest: BackupManifest,
    snapshot: StreamedSnapshot,
    deps: BackupServiceDeps,
    durationMsMax: number,
    onEnd: () => void,
  ) {
    this.manifest = manifest
    this.ended = this.#release.promise
    this.#snapshot = snapshot
    this.#deps = deps
    this.#onEnd = onEnd
    this.#startedMs = deps.clock.monotonicMs()
    this.#timer = deps.clock.after(
      durationMsMax,
      () => this.abort(insiError('BACKUP_UNDER_WAY', `The backup took longer than ${durationMsMax} ms.`)),
      { unref: true },
    )
  }

  get signal(): AbortSignal {
    return this.#abortion.signal
  }

  abort(reason: Error): void {
    this.#abortion.abort(reason)
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    yield this.#counted(encodeManifest(this.manifest))
    for await (const chunk of this.#snapshot.chunks(BACKUP_CHUNK_BYTES)) {
      this.signal.throwIfAborted()
      yield this.#counted(chunk)
    }
    this.#isComplete = true
  }

  async end(error?: unknown): Promise<void> {
    if (this.#isEnding) return this.ended
    this.#isEnding = true
    this.#timer.cancel()
    try {
      await this.#snapshot.close()
    } finally {
      this.#onEnd()
      this.#report(error)
      this.#release.resolve()
    }
  }

  #counted(chunk: Uint8Array): Uint8Array {
    this.#sizeBytes += chunk.length
    return chunk
  }

  #report(error: unknown): void {
    const { clock, log } = this.#deps
    const durationMs = clock.monotonicMs() - this.#startedMs
    const facts = { index: this.manifest.index, sizeBytes: this.#sizeBytes, durationMs: Math.round(durationMs) }
    if (this.#isComplete && error === undefined) {
      log.info(facts, 'a backup was handed over')
      return
    }
    const isOwnFault = isDamage(error)
    const reason = this.signal.aborted
      ? messageOf(this.signal.reason)
      : messageOf(error ?? 'it was not read to its end')
    log[isOwnFault ? 'error' : 'warn']({ ...facts, reason }, 'a backup was cut')
  }
}

function isDamage(error: unknown): boolean {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return code === 'RECORD_CORRUPT' || code === 'STATE_CORRUPT' || code === 'STORAGE_FAILED'
}
