// Command lines of the project's own programs: --help, and one line for what is not understood, where Node would print a stack.
import { parseArgs } from 'node:util'
import type { ParseArgsConfig } from 'node:util'

type Options = NonNullable<ParseArgsConfig['options']>

/** The options of the process. Ends it after --help, with status 0, and after a fault, with status 2. */
export function parseCommandLine<const T extends Options>(
  options: T,
  help: string,
): ReturnType<typeof parseArgs<{ options: T }>>['values'] {
  if (process.argv.slice(2).some((word) => word === '--help' || word === '-h')) {
    console.log(help)
    process.exit(0)
  }
  try {
    return parseArgs({ options }).values
  } catch (error) {
    return refuseCommandLine(error instanceof Error ? error.message : String(error), help)
  }
}

/** A whole number of at least `min`. */
export function wholeNumber(name: string, text: string, min: number, help: string): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(number) && number >= min) return number
  return refuseCommandLine(`--${name} takes a whole number of at least ${min}, not '${text}'`, help)
}

export function refuseCommandLine(fault: string, help: string): never {
  console.error(`${fault}\n\n${help}`)
  process.exit(2)
}
