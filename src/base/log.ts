// Logging as a port, so that no layer but the composition root knows the logging library.

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

/** Drops every line. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
}
