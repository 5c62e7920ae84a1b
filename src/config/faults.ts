// What is wrong with a configuration: all faults at once, each with its place. No fault ever shows the value of a secret.
import { InsiError } from '../base/errors.ts'

/** Where a value comes from. */
export type Place =
  | { readonly type: 'file'; readonly line: number; readonly column: number }
  | { readonly type: 'environment'; readonly variable: string }
  | { readonly type: 'flag'; readonly flag: string }

export interface Fault {
  /** Null when nothing stands anywhere: an option that is missing. */
  readonly place: Place | null
  readonly message: string
  /** What to do about it; may have several lines. */
  readonly hint?: string
}

/** Thrown with every fault of a configuration; the message is meant to be printed as it is. */
export class ConfigError extends InsiError {
  readonly path: string
  readonly faults: readonly Fault[]

  constructor(path: string, faults: readonly Fault[]) {
    super('CONFIG_INVALID', describeFaults(path, faults))
    this.path = path
    this.faults = faults
  }
}

function describeFaults(path: string, faults: readonly Fault[]): string {
  const sorted = [...faults].sort((left, right) => orderOf(left) - orderOf(right))
  const head = `failed to load configuration from ${path}`
  const [first] = sorted
  if (sorted.length === 1 && first !== undefined && first.place === null) {
    return `${head}: ${first.message}${indented(first.hint, '  ')}`
  }
  const lines = sorted.map(
    (fault) => `  ${describePlace(path, fault.place)}: ${fault.message}${indented(fault.hint, '      ')}`,
  )
  return `${head}: ${sorted.length} ${sorted.length === 1 ? 'fault' : 'faults'}\n${lines.join('\n')}`
}

function indented(hint: string | undefined, indent: string): string {
  return hint === undefined ? '' : `\n${hint.replaceAll(/^/gm, indent)}`
}

/** Missing options first, then the file from top to bottom, then what overrides it. */
function orderOf(fault: Fault): number {
  if (fault.place === null) return 0
  return fault.place.type === 'file' ? fault.place.line + fault.place.column / 10_000 : Number.MAX_SAFE_INTEGER
}

function describePlace(path: string, place: Place | null): string {
  if (place === null) return path
  if (place.type === 'environment') return `environment variable ${place.variable}`
  if (place.type === 'flag') return `flag ${place.flag}`
  return `${path}:${place.line}:${place.column}`
}
