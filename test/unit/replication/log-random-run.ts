// A seeded run of the log on the simulated disk under power failures, kills and disk errors, compared with the model.
import type { HardState, Membership } from '../../../src/raft/types.ts'
import { silentLog } from '../../../src/base/log.ts'
import { SegmentedLog } from '../../../src/replication/log/segmented-log.ts'
import { createSimDisk, type SimDiskFixture } from '../../sim/sim-disk-fixture.ts'
import {
  changed,
  EMPTY_LOG,
  fingerprint,
  lastOf,
  restarted,
  statesAlong,
  stateOf,
  type LogChange,
  type LogState,
} from './log-model.ts'

interface Dying {
  /** A flush of everything pending begins first, unless one runs. */
  readonly flushesFirst: boolean
  readonly afterSteps: number
  readonly duringOpenSteps: number
}

/** Parameters in [0, 1) choose among what is possible when the step comes. */
export type LogStep =
  | { readonly type: 'append'; readonly count: number; readonly sizeBytes: number; readonly newTerm: boolean }
  | { readonly type: 'truncate' | 'cut' | 'beginFlush' | 'finishFlush'; readonly at: number }
  | { readonly type: 'close' }
  | { readonly type: 'reset'; readonly ahead: number }
  | { readonly type: 'flush'; readonly vote: string | null }
  | ({ readonly type: 'crash' | 'kill' } & Dying)
  | { readonly type: 'diskError'; readonly noSpace: boolean; readonly at: number; readonly crash: boolean }

export interface LogRunOptions {
  readonly segmentSizeBytes: number
  readonly cacheSizeBytes: number
  readonly seed: number
}

/** How often each interesting thing happened, so that a test can tell that its runs were not idle. */
export class LogRunCoverage {
  readonly counts = new Map<string, number>()

  hit(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
  }
}

const READ_SIZES = [0, 1, 60, 300, 5_000, 1e9]

export class LogRandomRun {
  readonly #fixture: SimDiskFixture
  readonly #options: LogRunOptions
  readonly #coverage: LogRunCoverage
  #log: SegmentedLog
  #durable = EMPTY_LOG
  /** Changes that a running flush carries, and those after them. */
  #inFlight: LogChange[] = []
  #pending: LogChange[] = []
  #flush: Promise<unknown> | null = null

  private constructor(fixture: SimDiskFixture, options: LogRunOptions, coverage: LogRunCoverage, log: SegmentedLog) {
    this.#fixture = fixture
    this.#options = options
    this.#coverage = coverage
    this.#log = log
  }

  static async start(options: LogRunOptions, coverage: LogRunCoverage): Promise<LogRandomRun> {
    const fixture = createSimDisk(options.seed)
    const log = await fixture.run(openLog(fixture, options, true))
    return new LogRandomRun(fixture, options, coverage, log)
  }

  async run(steps: readonly LogStep[]): Promise<void> {
    for (const step of steps) {
      await this.#step(step)
      this.#check()
    }
    await this.#finishFlush()
    await this.#restart({ type: 'crash', flushesFirst: false, afterSteps: 0, duringOpenSteps: 0 })
  }

  async #step(step: LogStep): Promise<void> {
    switch (step.type) {
      case 'append':
        return this.#append(step)
      case 'truncate':
        return this.#truncate(step.at)
      case 'cut':
        return this.#cut(step.at)
      case 'reset':
        return this.#reset(step.ahead)
      case 'beginFlush':
        if (this.#flush === null) this.#beginFlush(null)
        return this.#fixture.steps(Math.floor(step.at * 6))
      case 'finishFlush':
        return this.#finishFlush()
      case 'flush':
        await this.#finishFlush()
        this.#beginFlush(this.#nextHardState(step.vote))
        return this.#finishFlush()
      case 'close':
        await this.#finishFlush()
        await this.#fixture.run(this.#log.close())
        return this.#restart({ type: 'kill', flushesFirst: false, afterSteps: 0, duringOpenSteps: 0 })
      case 'crash':
      case 'kill':
        return this.#restart(step)
      case 'diskError':
        return this.#failDisk(step)
    }
  }

  get #visible(): LogState {
    return [...this.#inFlight, ...this.#pending].reduce(changed, this.#durable)
  }

  #append(step: LogStep & { type: 'append' }): void {
    const entries = Array.from({ length: step.count }, (_, at) => {
      const last = lastOf(this.#visible)
      const term = Math.max(1, last.term + (step.newTerm && at === 0 ? 1 : 0))
      const kind = step.sizeBytes === 0 ? ('noop' as const) : ('command' as const)
      const index = last.index + 1
      const data = kind === 'noop' ? new Uint8Array(0) : this.#fixture.random.bytes(step.sizeBytes)
      // Zeros like those of a lost sector must not confuse recovery.
      if (step.sizeBytes % 3 === 0) data.fill(0)
      const entry = { index, term, kind, data }
      this.#pending.push({ type: 'append', entry })
      return entry
    })
    this.#log.append(entries)
  }

  #truncate(at: number): void {
    const { base } = this.#visible
    const last = lastOf(this.#visible).index
    // Never an entry that a cut has dropped from what is durable.
    const from = base.index + 1 + Math.floor(at * (last - base.index))
    if (from > last) return
    this.#coverage.hit(this.#flush === null ? 'truncate' : 'truncateInFlight')
    this.#log.truncateFrom(from)
    this.#pending.push({ type: 'truncate', from })
  }

  async #cut(at: number): Promise<void> {
    await this.#finishFlush()
    const { base } = this.#visible
    const index = base.index + Math.floor(at * (this.#log.durable.index - base.index + 1))
    const term = this.#log.termAt(index)
    if (index <= base.index || term === undefined) return
    const newBase = { index, term, membership: membershipAt(index) }
    this.#coverage.hit('cut')
    const before = this.#fixture.disk.files.list('log').length
    // A cut is durable with everything that was pending.
    this.#inFlight = [...this.#pending, { type: 'cut', base: newBase }]
    this.#pending = []
    this.#flush = this.#log.cutTo(newBase)
    await this.#finishFlush()
    if (this.#fixture.disk.files.list('log').length < before) this.#coverage.hit('segmentsDropped')
  }

  #reset(ahead: number): void {
    const last = lastOf(this.#visible)
    const index = last.index + Math.floor(ahead * 20)
    const base = { index, term: last.term + 1, membership: membershipAt(index) }
    this.#coverage.hit(this.#flush === null ? 'reset' : 'resetInFlight')
    this.#log.resetTo(base)
    this.#pending.push({ type: 'reset', base })
  }

  #beginFlush(hardState: HardState | null): void {
    const changes: LogChange[] = hardState === null ? [] : [{ type: 'hardState', hardState }]
    this.#inFlight = [...this.#pending, ...changes]
    this.#pending = []
    this.#flush = this.#log.flush(hardState)
    this.#flush.catch(() => undefined)
  }

  async #finishFlush(): Promise<void> {
    if (this.#flush === null) return
    const answer = await this.#fixture.run(this.#flush)
    this.#flush = null
    this.#durable = this.#inFlight.reduce(changed, this.#durable)
    this.#inFlight = []
    if (answer !== undefined && this.#pending.length === 0) expect(answer).toEqual(this.#log.durable)
  }

  #nextHardState(vote: string | null): HardState {
    const { hardState } = this.#visible
    const term = Math.max(hardState.term, lastOf(this.#visible).term)
    return term > hardState.term || vote === null ? { term, votedFor: vote } : { term: term + 1, votedFor: vote }
  }

  async #failDisk(step: LogStep & { type: 'diskError' }): Promise<void> {
    await this.#finishFlush()
    this.#append({ type: 'append', count: 4, sizeBytes: 200, newTerm: false })
    if (step.noSpace) this.#fixture.disk.freeBytes = Math.floor(step.at * 300)
    else this.#fixture.disk.failNextSync()
    this.#beginFlush(null)
    const failed = await this.#fixture.run(this.#flush ?? Promise.resolve()).then(
      () => false,
      () => true,
    )
    // Within the space that is already claimed, a write needs no more of it.
    if (failed) {
      this.#coverage.hit(step.noSpace ? 'noSpace' : 'syncFailed')
      expect(() => this.#log.append([])).toThrow(expect.objectContaining({ code: 'STORAGE_FAILED' }))
      await expect(this.#fixture.run(this.#log.flush(null))).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    } else await this.#finishFlush()
    this.#fixture.disk.freeBytes = Infinity
    await this.#restart({
      type: step.crash ? 'crash' : 'kill',
      flushesFirst: false,
      afterSteps: 0,
      duringOpenSteps: 0,
    })
  }

  /** The process ends, maybe in the middle of a flush and again in the middle of the restart. */
  async #restart(step: LogStep & { type: 'crash' | 'kill' }): Promise<void> {
    const { disk } = this.#fixture
    if (step.flushesFirst && this.#flush === null) this.#beginFlush(this.#nextHardState(null))
    await this.#fixture.steps(step.afterSteps)
    if (this.#flush !== null) this.#coverage.hit(`${step.type}InFlight`)
    disk[step.type]()
    if (step.duringOpenSteps > 0) {
      openLog(this.#fixture, this.#options, false).catch(() => undefined)
      await this.#fixture.steps(step.duringOpenSteps)
      disk[step.type]()
    }
    const onTorn = (): void => this.#coverage.hit('torn')
    this.#log = await this.#fixture.run(openLog(this.#fixture, this.#options, false, onTorn))
    const found = fingerprint(stateOf(this.#log))
    const left = statesAlong(this.#durable, this.#inFlight)
    const allowed = left.map(restarted)
    const state = allowed.findLast((each) => fingerprint(each) === found)
    if (state === undefined) {
      throw new Error(
        `after ${step.type} the log shows\n${found}\nbut only these are allowed\n${allowed.map(fingerprint).join('\n')}`,
      )
    }
    if (allowed.length > 1)
      this.#coverage.hit(state === allowed.at(-1) ? 'keptAll' : state === allowed[0] ? 'keptNone' : 'keptSome')
    if (!left.includes(state)) this.#coverage.hit('inferredTerm')
    this.#durable = state
    this.#inFlight = []
    this.#pending = []
    this.#flush = null
  }

  /** The log shows what the model says, at once and in every way to read it. */
  #check(): void {
    const visible = this.#visible
    const last = lastOf(visible)
    expect([this.#log.firstIndex, this.#log.lastIndex]).toEqual([visible.base.index + 1, last.index])
    // Reading everything back after every step would make long runs slow.
    if (this.#fixture.random.int(3) > 0) return
    const sizeBytesMax = READ_SIZES[this.#fixture.random.int(READ_SIZES.length)] ?? 0
    expect(fingerprint(stateOf(this.#log, sizeBytesMax))).toBe(fingerprint(visible))
    for (const { index, term } of [visible.base, ...visible.entries]) expect(this.#log.termAt(index)).toBe(term)
    expect([this.#log.termAt(visible.base.index - 1), this.#log.termAt(last.index + 1)]).toEqual([undefined, undefined])
    const { durable } = this.#log
    expect(durable.index).toBeLessThanOrEqual(last.index)
    if (durable.index > 0) expect(this.#log.termAt(durable.index)).toBe(durable.term)
  }
}

function openLog(
  fixture: SimDiskFixture,
  options: LogRunOptions,
  create: boolean,
  onTorn = (): void => {},
): Promise<SegmentedLog> {
  const { segmentSizeBytes, cacheSizeBytes } = options
  const { random } = fixture
  return SegmentedLog.open({
    disk: fixture.disk.mount(),
    directory: 'log',
    random,
    create,
    segmentSizeBytes,
    cacheSizeBytes,
    log: { ...silentLog, warn: onTorn },
  })
}

function membershipAt(index: number): Membership {
  return { members: [{ id: `n${index}/1`, role: 'voter', raftAddress: `host-${index}:1` }] }
}
