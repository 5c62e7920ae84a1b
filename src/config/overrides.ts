// What stands above the file: environment variables, then flags. Values are text and become what the option's kind says.
import type { Fault, Place } from './faults.ts'
import type { RawValue } from './file-values.ts'
import { CLUSTER, optionsOf } from './options.ts'
import type { Option } from './options.ts'
import { nearestName, spellingsOf } from './spelling.ts'

/** Variables by name, as the process was given them. */
export type Environment = Readonly<Record<string, string | undefined>>

/** One flag that sets an option: `name` in any spelling, such as `raft.heartbeat`. */
export interface Setting {
  readonly name: string
  readonly text: string
  /** How the flag was written, for faults. */
  readonly flag: string
}

const OPTIONS_BY_NAME: ReadonlyMap<string, Option> = new Map(optionsOf(CLUSTER).map((option) => [option.name, option]))

/** Options of which INSI_..._FILE names a file that holds the value. */
export const SECRET_VARIABLES: readonly string[] = [...OPTIONS_BY_NAME.values()].flatMap((option) =>
  option.secret && option.environment !== null ? [option.environment] : [],
)

/** Puts the environment's values over those of the file. An empty variable counts as not set. */
export function applyEnvironment(environment: Environment, values: Map<string, RawValue>): void {
  for (const option of OPTIONS_BY_NAME.values()) {
    const variable = option.environment
    const text = variable === null ? undefined : environment[variable]
    if (variable === null || text === undefined || text === '') continue
    values.set(option.name, { value: decodeText(option, text), place: { type: 'environment', variable } })
  }
}

/** Puts the flags' values over everything else. */
export function applySettings(settings: readonly Setting[], values: Map<string, RawValue>, faults: Fault[]): void {
  for (const setting of settings) {
    const place: Place = { type: 'flag', flag: setting.flag }
    const option = findOption(setting.name)
    if (option === undefined) {
      const nearest = nearestName(setting.name, [...OPTIONS_BY_NAME.keys()])
      const suggestion = nearest === undefined ? '' : `: did you mean "${nearest}"?`
      faults.push({ place, message: `unknown option "${setting.name}"${suggestion}` })
    } else if (option.secret) {
      const message = `${option.name} cannot be a flag, because every user of the machine can read the flags of a process`
      faults.push({ place, message, hint: `Put it into the file or into ${option.environment ?? 'the environment'}.` })
    } else {
      values.set(option.name, { value: decodeText(option, setting.text), place })
    }
  }
}

function findOption(name: string): Option | undefined {
  const keys = name.split('.')
  return [...OPTIONS_BY_NAME.values()].find(
    (option) =>
      option.path.length === keys.length && option.path.every((key, at) => spellingsOf(key).includes(keys[at] ?? '')),
  )
}

/** Text to the value that the file would have; text that does not fit is left for the option to refuse. */
function decodeText(option: Option, text: string): unknown {
  const trimmed = text.trim()
  switch (option.kind) {
    case 'boolean':
      return trimmed === 'true' ? true : trimmed === 'false' ? false : trimmed
    case 'integer':
    case 'number':
    case 'duration':
    case 'size':
      return /^\d+(\.\d+)?$/.test(trimmed) ? Number(trimmed) : trimmed
    case 'list':
      return trimmed.split(',').map((item) => item.trim())
    case 'choice':
    case 'address':
      return trimmed
    case 'text':
      return option.secret ? text : trimmed
  }
}
