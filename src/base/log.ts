// Logging as a port, so that no layer but the composition root knows the logging library.

/** From the most to the least that is logged. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Which lines are written: those of the level and of all after it. */
export interface LogLevelControl {
  readonly level: LogLevel
  setLevel(level: LogLevel): void
}

export type LogFields = Readonly<Record<string, unknown>>

/** Structured log: fields first, then a message that starts lower case and is a constant string. Never pass a token or secret. */
export interface Log {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
  /** A log that adds `fields` to each of its lines. */
  child(fields: LogFields): Log
}

/** A log whose level can be changed while it is in use, for itself and for every child. */
export interface AdjustableLog extends Log, LogLevelControl {}

/** Drops every line. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
}
