// The environment of the process: the only place that reads it.
import type { Environment } from './overrides.ts'

/** A snapshot of the environment variables. */
export function processEnvironment(): Environment {
  return { ...process.env }
}

/** Whether text for `stream` may be coloured: a terminal, and neither NO_COLOR nor TERM=dumb. */
export function mayColour(environment: Environment, stream: { readonly isTTY?: boolean }): boolean {
  const { NO_COLOR: noColour, TERM: terminal } = environment
  return stream.isTTY === true && (noColour === undefined || noColour === '') && terminal !== 'dumb'
}
