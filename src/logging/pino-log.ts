// The log port over pino: JSON lines, or coloured text for a terminal. Lines are written before the call returns, so that
// the last words of a crashing process are not lost.
import { pino } from 'pino'
import type { DestinationStream, Logger } from 'pino'
import type { AdjustableLog, Log, LogFields, LogLevel } from '../base/log.ts'
import { createRedactor } from './redact.ts'
import type { Redactor } from './redact.ts'

export interface LogOptions {
  readonly level: LogLevel
  readonly format: 'json' | 'pretty'
  readonly colour: boolean
  /** Values that no line may contain. */
  readonly secrets: readonly string[]
  /** Where lines go; stderr when not given. */
  readonly destination?: DestinationStream
}

const STDERR = 2
const SEVERITY: Readonly<Record<LogLevel, number>> = { debug: 20, info: 30, warn: 40, error: 50 }

export async function createLog(options: LogOptions): Promise<AdjustableLog> {
  const destination = options.destination ?? pino.destination({ fd: STDERR, sync: true })
  const sink = options.format === 'pretty' ? await prettySink(destination, options.colour) : destination
  const logger = pino(
    {
      level: 'debug',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  )
  return new PinoLog(logger, { level: options.level }, createRedactor(options.secrets))
}

async function prettySink(destination: DestinationStream, colorize: boolean): Promise<DestinationStream> {
  const { prettyFactory } = await import('pino-pretty')
  const format = prettyFactory({ colorize, translateTime: 'SYS:HH:MM:ss.l', singleLine: true })
  return {
    write(line) {
      destination.write(format(line))
    },
  }
}

class PinoLog implements AdjustableLog {
  readonly #logger: Logger
  /** Shared with every child, which pino's own level is not. */
  readonly #threshold: { level: LogLevel }
  readonly #redactor: Redactor

  constructor(logger: Logger, threshold: { level: LogLevel }, redactor: Redactor) {
    this.#logger = logger
    this.#threshold = threshold
    this.#redactor = redactor
  }

  get level(): LogLevel {
    return this.#threshold.level
  }

  setLevel(level: LogLevel): void {
    this.#threshold.level = level
  }

  debug(fields: LogFields, message: string): void {
    this.#write('debug', fields, message)
  }

  info(fields: LogFields, message: string): void {
    this.#write('info', fields, message)
  }

  warn(fields: LogFields, message: string): void {
    this.#write('warn', fields, message)
  }

  error(fields: LogFields, message: string): void {
    this.#write('error', fields, message)
  }

  child(fields: LogFields): Log {
    return new PinoLog(this.#logger.child(this.#redactor.fields(fields)), this.#threshold, this.#redactor)
  }

  #write(level: LogLevel, fields: LogFields, message: string): void {
    if (SEVERITY[level] < SEVERITY[this.#threshold.level]) return
    this.#logger[level](this.#redactor.fields(fields), this.#redactor.text(message))
  }
}
