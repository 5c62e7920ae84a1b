// Flags in the style of Go (`-config x`, `-host=false`), rewritten to the style of the argument parser.

/** By name without dashes: whether the flag takes a value. */
export type FlagTable = ReadonlyMap<string, { readonly takesValue: boolean }>

const TRUE_TEXTS = ['1', 't', 'T', 'true', 'TRUE', 'True']
const FALSE_TEXTS = ['0', 'f', 'F', 'false', 'FALSE', 'False']

/** What is no known flag stays as it is, for the parser to judge. */
export function normaliseFlags(words: readonly string[], flags: FlagTable): string[] {
  const normal: string[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    if (word === '--') return [...normal, ...words.slice(at)]
    const [, name = '', value] = /^--?([a-z][a-z0-9-]*)(?:=(.*))?$/s.exec(word) ?? []
    const flag = flags.get(name)
    if (flag === undefined) normal.push(word)
    else if (flag.takesValue && value === undefined) {
      normal.push(`--${name}`, ...words.slice(at + 1, at + 2))
      at++
    } else if (flag.takesValue || value === undefined)
      normal.push(value === undefined ? `--${name}` : `--${name}=${value}`)
    else if (TRUE_TEXTS.includes(value)) normal.push(`--${name}`)
    else if (!FALSE_TEXTS.includes(value)) normal.push(word)
  }
  return normal
}
