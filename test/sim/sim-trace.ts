// What happened in a run, as lines with virtual times. Two runs of one seed must give the same lines: their checksum tells.
import { crc32 } from 'node:zlib'
import type { SimClock } from './sim-clock.ts'

/** A safety or liveness property does not hold: the run ends, and its seed is to be reported. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

/** Lines kept for the report of a failure when not all are. */
const NEWEST_LINES_MAX = 60

export class SimTrace {
  readonly #clock: SimClock
  readonly #print: ((line: string) => void) | null
  #checksum = 0
  #newest: string[] = []
  /** The first violation; the run stops at it. */
  violation: Violation | null = null

  /** Name of a rare place in the program → how often the run came there. */
  readonly reached = new Map<string, number>()

  constructor(clock: SimClock, print: ((line: string) => void) | null) {
    this.#clock = clock
    this.#print = print
  }

  line(text: string): void {
    const line = `${this.#clock.monotonicMs().toFixed(3)} ${text}`
    this.#checksum = crc32(line, this.#checksum)
    this.#newest.push(line)
    if (this.#newest.length > 2 * NEWEST_LINES_MAX) this.#newest = this.#newest.slice(-NEWEST_LINES_MAX)
    this.#print?.(line)
  }

  reach(place: string): void {
    this.reached.set(place, (this.reached.get(place) ?? 0) + 1)
  }

  /** Notes that `property` is broken. */
  violate(property: string): void {
    this.line(`VIOLATION ${property}`)
    this.violation ??= new Violation(property)
  }

  /** Checksum over all lines so far. */
  get checksum(): number {
    return this.#checksum
  }

  get newestLines(): readonly string[] {
    return this.#newest.slice(-NEWEST_LINES_MAX)
  }
}
