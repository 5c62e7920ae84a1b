// The two streams of insic: results on stdout, diagnostics and errors on stderr, colours for people only.
import type { Clock } from '../base/clock.ts'
import type { Colour, Format, Line } from './command.ts'

/** A stream that text is written to. */
export interface Sink {
  write(text: string): unknown
  /** A person looks at it. */
  readonly isTTY?: boolean
}

export type Level = 'INFO' | 'WARN' | 'ERROR'

const COLOUR_CODES: Readonly<Record<Colour, string>> = {
  'bright-green': '\u001B[92m',
  green: '\u001B[32m',
  red: '\u001B[31m',
  yellow: '\u001B[33m',
  cyan: '\u001B[36m',
}
/** To the beginning of the line, and nothing after it. */
const CLEAR_LINE = '\r\u001B[K'
/** To the upper left corner, and nothing after it. */
const CLEAR = '\u001B[H\u001B[2J'
const COLOUR_END = '\u001B[0m'

/** Values that need no quotes in a diagnostic. */
const PLAIN_VALUE = /^[^\s"=]+$/

export class Console {
  readonly #stdout: Sink
  readonly #stderr: Sink
  readonly #isColoured: boolean
  readonly #clock: Clock

  constructor(options: {
    readonly stdout: Sink
    readonly stderr: Sink
    readonly isColoured: boolean
    readonly clock: Clock
  }) {
    this.#stdout = options.stdout
    this.#stderr = options.stderr
    this.#isColoured = options.isColoured
    this.#clock = options.clock
  }

  /** The result of a command: `lines` for people, `json` on one line for programs. */
  result(format: Format, output: { readonly lines: readonly Line[]; readonly json: unknown }): void {
    if (format === 'json') this.print(JSON.stringify(output.json))
    else for (const { text, colour } of output.lines) this.print(text, colour)
  }

  /** Lines in place of those before, on a terminal; below them elsewhere. */
  redraw(lines: readonly Line[]): void {
    if (this.#isColoured) this.#stdout.write(CLEAR)
    for (const { text, colour } of lines) this.print(text, colour)
    if (!this.#isColoured) this.print('')
  }

  /** One line on stdout. */
  print(text: string, colour?: Colour): void {
    this.#stdout.write(`${this.#paint(text, colour)}\n`)
  }

  /** One line on stderr. */
  complain(text: string, colour?: Colour): void {
    this.#stderr.write(`${this.#paint(text, colour)}\n`)
  }

  /** How far something is, in place of what was said before, for a person who waits; empty: it is over. Nothing for programs. */
  progress(text: string): void {
    if (this.#stderr.isTTY === true) this.#stderr.write(CLEAR_LINE + text)
  }

  /** A diagnostic on stderr: `time=… level=… msg="…" name=value …`. Never pass a key as it is (see abbreviateKey). */
  log(level: Level, message: string, fields: Readonly<Record<string, string | number | undefined>> = {}): void {
    const time = new Date(this.#clock.nowMs()).toISOString()
    const parts = [`time=${time}`, `level=${level}`, `msg=${JSON.stringify(message)}`]
    for (const [name, value] of Object.entries(fields)) {
      if (value === undefined) continue
      const text = String(value)
      parts.push(`${name}=${PLAIN_VALUE.test(text) ? text : JSON.stringify(text)}`)
    }
    this.#stderr.write(`${parts.join(' ')}\n`)
  }

  #paint(text: string, colour: Colour | undefined): string {
    return this.#isColoured && colour !== undefined ? COLOUR_CODES[colour] + text + COLOUR_END : text
  }
}

const ABBREVIATED_CHARS_MIN = 12

/** A key as it may be shown: its first eight characters and its last four. */
export function abbreviateKey(key: string): string {
  return key.length <= ABBREVIATED_CHARS_MIN ? key : `${key.slice(0, 8)}...${key.slice(-4)}`
}

/** The line that a command without a result ends with. */
export const OK_LINE: Line = { text: 'OK', colour: 'bright-green' }
