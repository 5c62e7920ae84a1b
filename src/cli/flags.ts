// Flags as Go's flag package reads them: `-name value`, `--name value`, `-name=value`, booleans with `=` only, and everything
// from the first word that is no flag left alone.

export interface FlagSpec {
  readonly name: string
  readonly type: 'text' | 'boolean' | 'integer'
  /** What it is without the flag, for the list of flags; absent: empty. */
  readonly defaultText?: string
  /** Word for the value in the list of flags. */
  readonly placeholder?: string
  readonly meaning: string
  /** The values that are accepted; absent: any. */
  readonly choices?: readonly string[]
}

/** Flags that were given: text, boolean or number by the flag's type. */
export type FlagValues = Readonly<Record<string, string | boolean | number>>

export interface ParsedFlags {
  readonly values: FlagValues
  /** The words from the first one that is no flag. */
  readonly rest: readonly string[]
  /** `-h`, `-help` or `--help` was given. */
  readonly isHelp: boolean
}

/** A flag that does not exist, or whose value cannot be read. */
export class FlagFailure extends Error {}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((text) => [text, false] as const),
])

/** Reads the flags in front of `words`. Throws FlagFailure. */
export function parseFlags(specs: readonly FlagSpec[], words: readonly string[]): ParsedFlags {
  const values: Record<string, string | boolean | number> = {}
  let at = 0
  for (;;) {
    const word = words[at]
    if (word === undefined || !word.startsWith('-') || word === '-') break
    at++
    if (word === '--') break
    const { name, inlineText } = splitFlag(word)
    const spec = specs.find((candidate) => candidate.name === name)
    if (spec === undefined) {
      if (name === 'h' || name === 'help') return { values, rest: [], isHelp: true }
      throw new FlagFailure(`flag provided but not defined: -${name}`)
    }
    if (spec.type === 'boolean') {
      values[name] = parseBoolean(spec, inlineText ?? 'true')
      continue
    }
    const text = inlineText ?? words[at++]
    if (text === undefined) throw new FlagFailure(`flag needs an argument: -${name}`)
    values[name] = spec.type === 'integer' ? parseInteger(spec, text) : parseText(spec, text)
  }
  return { values, rest: words.slice(at), isHelp: false }
}

/** Reads flags wherever they stand between other words, which are returned in their order. Throws FlagFailure. */
export function parseInterleaved(specs: readonly FlagSpec[], words: readonly string[]): ParsedFlags {
  let values: FlagValues = {}
  const rest: string[] = []
  let remaining = words
  while (remaining.length > 0) {
    const parsed = parseFlags(specs, remaining)
    values = { ...values, ...parsed.values }
    if (parsed.isHelp) return { values, rest, isHelp: true }
    const [word, ...others] = parsed.rest
    if (word !== undefined) rest.push(word)
    remaining = others
  }
  return { values, rest, isHelp: false }
}

/** The list of flags that help and flag errors print, one string a line. */
export function describeFlags(specs: readonly FlagSpec[], indent = '  '): string[] {
  return specs.flatMap((spec) => {
    const placeholder = spec.type === 'boolean' ? '' : ` ${spec.placeholder ?? (spec.type === 'text' ? 'text' : 'n')}`
    const byDefault = spec.defaultText === undefined ? '' : ` (default ${spec.defaultText})`
    return [`${indent}--${spec.name}${placeholder}`, `${indent}      ${spec.meaning}${byDefault}`]
  })
}

function splitFlag(word: string): { name: string; inlineText: string | undefined } {
  const body = word.startsWith('--') ? word.slice(2) : word.slice(1)
  if (body === '' || body.startsWith('-') || body.startsWith('=')) throw new FlagFailure(`bad flag syntax: ${word}`)
  const equals = body.indexOf('=')
  return equals === -1
    ? { name: body, inlineText: undefined }
    : { name: body.slice(0, equals), inlineText: body.slice(equals + 1) }
}

function parseBoolean(spec: FlagSpec, text: string): boolean {
  const value = BOOLEANS.get(text)
  if (value === undefined) {
    throw new FlagFailure(`invalid boolean value ${JSON.stringify(text)} for -${spec.name}: parse error`)
  }
  return value
}

function parseInteger(spec: FlagSpec, text: string): number {
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(value)) return value
  const reason = Number.isNaN(value) ? 'parse error' : 'value out of range'
  throw new FlagFailure(`invalid value ${JSON.stringify(text)} for flag -${spec.name}: ${reason}`)
}

function parseText(spec: FlagSpec, text: string): string {
  if (spec.choices === undefined || spec.choices.includes(text)) return text
  const message = `invalid value ${JSON.stringify(text)} for flag -${spec.name}: must be ${spec.choices.join(' or ')}`
  throw new FlagFailure(message)
}
