// Completion scripts for three shells, made from the command table: names of commands and flags, files after --config.
import type { Command } from './command.ts'
import { nameOf } from './command.ts'
import { COMMANDS, wordsAfter } from './commands.ts'
import { GLOBAL_FLAGS } from './global-flags.ts'

/** By shell: the whole script. */
export const COMPLETIONS: ReadonlyMap<string, () => string> = new Map([
  ['bash', bashScript],
  ['zsh', zshScript],
  ['fish', fishScript],
])

/** Every beginning of a command's name that is not yet a whole one, the empty one first, as typed. */
function beginnings(): string[][] {
  const found = new Map<string, string[]>()
  for (const command of COMMANDS) {
    for (let length = 0; length < command.path.length; length++) {
      const path = command.path.slice(0, length)
      found.set(path.join(' '), path)
    }
  }
  return [...found.values()]
}

function flagWords(): string {
  return [...GLOBAL_FLAGS.map((flag) => (flag.name.length === 1 ? `-${flag.name}` : `--${flag.name}`)), '--help'].join(
    ' ',
  )
}

function valueFlags(): string[] {
  return GLOBAL_FLAGS.filter((flag) => flag.type !== 'boolean').map((flag) =>
    flag.name.length === 1 ? `-${flag.name}` : `--${flag.name}`,
  )
}

function choiceFlags(): { flag: string; choices: readonly string[] }[] {
  return GLOBAL_FLAGS.flatMap(({ name, choices }) =>
    choices === undefined ? [] : [{ flag: name.length === 1 ? `-${name}` : `--${name}`, choices }],
  )
}

function ownFlags(): { command: Command; words: string }[] {
  return COMMANDS.flatMap((command) =>
    command.flags === undefined ? [] : [{ command, words: command.flags.map((flag) => `--${flag.name}`).join(' ') }],
  )
}

/** Commands whose first argument is one of a few words. */
function choiceCommands(): { command: Command; choices: readonly string[] }[] {
  return COMMANDS.flatMap((command) => {
    const choices = command.args[0]?.choices
    return choices === undefined ? [] : [{ command, choices }]
  })
}

function bashScript(): string {
  const cases = [
    ...beginnings().map((path) => [path.join(' '), wordsAfter(path).join(' ')] as const),
    ...choiceCommands().map(({ command, choices }) => [nameOf(command), choices.join(' ')] as const),
  ]
  return [
    '# bash completion for insic',
    '_insic() {',
    '  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" path="" words="" at word',
    '  case "$previous" in',
    '    --config) local IFS=$\'\\n\'; COMPREPLY=($(compgen -f -- "$current")); return ;;',
    ...choiceFlags().map(
      ({ flag, choices }) => `    ${flag}) COMPREPLY=($(compgen -W "${choices.join(' ')}" -- "$current")); return ;;`,
    ),
    '  esac',
    '  for ((at = 1; at < COMP_CWORD; at++)); do',
    '    word="${COMP_WORDS[at]}"',
    '    case "$word" in',
    `      ${valueFlags().join('|')}) ((at++)) ;;`,
    '      -*) ;;',
    // What help explains is named as the command itself is.
    '      help) ;;',
    '      *) path="${path:+$path }$word" ;;',
    '    esac',
    '  done',
    '  case "$path" in',
    ...cases.map(([path, words]) => `    "${path}") words="${words}" ;;`),
    ...ownFlags().map(({ command, words }) => `    "${nameOf(command)}"|"${nameOf(command)} "*) words="${words}" ;;`),
    '  esac',
    `  if [[ -z "$path" && "$current" == -* ]]; then words="${flagWords()}"; fi`,
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    'complete -F _insic insic',
    '',
  ].join('\n')
}

function zshScript(): string {
  const cases = beginnings().map((path) => {
    const words = wordsAfter(path).map((word) => `'${word}:${zshText(summaryOf([...path, word]))}'`)
    return `    '${path.join(' ')}') offers=(${words.join(' ')}) ;;`
  })
  return [
    '#compdef insic',
    '# zsh completion for insic',
    '_insic() {',
    '  local -a typed offers',
    '  local path_typed="" word skip=0 previous="${words[CURRENT-1]}"',
    '  typed=("${(@)words[2,CURRENT-1]}")',
    '  case "$previous" in',
    '    --config) _files; return ;;',
    ...choiceFlags().map(({ flag, choices }) => `    ${flag}) compadd -- ${choices.join(' ')}; return ;;`),
    '  esac',
    '  for word in "${typed[@]}"; do',
    '    if ((skip)); then skip=0; continue; fi',
    '    case "$word" in',
    `      ${valueFlags().join('|')}) skip=1 ;;`,
    '      -*) ;;',
    '      help) ;;',
    '      *) path_typed="${path_typed:+$path_typed }$word" ;;',
    '    esac',
    '  done',
    '  if [[ -z "$path_typed" && "$PREFIX" == -* ]]; then',
    `    compadd -- ${flagWords()}`,
    '    return',
    '  fi',
    '  case "$path_typed" in',
    ...cases,
    ...choiceCommands().map(
      ({ command, choices }) => `    '${nameOf(command)}') compadd -- ${choices.join(' ')}; return ;;`,
    ),
    ...ownFlags().map(
      ({ command, words }) => `    '${nameOf(command)}'|'${nameOf(command)} '*) compadd -- ${words}; return ;;`,
    ),
    '  esac',
    "  _describe 'command' offers",
    '}',
    'if [ "$funcstack[1]" = "_insic" ]; then _insic "$@"; else compdef _insic insic; fi',
    '',
  ].join('\n')
}

/** The condition under which fish offers what follows a command. */
function seen(command: Command): string {
  return `'${command.path.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ')}'`
}

function fishScript(): string {
  const lines = ['# fish completion for insic', 'complete -c insic -f']
  for (const flag of GLOBAL_FLAGS) {
    const name = flag.name.length === 1 ? `-s ${flag.name}` : `-l ${flag.name}`
    const values =
      flag.type === 'boolean' ? '' : flag.choices === undefined ? ' -r' : ` -x -a '${flag.choices.join(' ')}'`
    const files = flag.name === 'config' ? ' -F' : ''
    lines.push(`complete -c insic -n __fish_use_subcommand ${name}${values}${files} -d '${fishText(flag.meaning)}'`)
  }
  for (const path of beginnings()) {
    const condition =
      path.length === 0
        ? '__fish_use_subcommand'
        : `'${path.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ')}'`
    for (const word of wordsAfter(path)) {
      lines.push(`complete -c insic -n ${condition} -a ${word} -d '${fishText(summaryOf([...path, word]))}'`)
    }
  }
  for (const { command, choices } of choiceCommands()) {
    lines.push(`complete -c insic -n ${seen(command)} -a '${choices.join(' ')}'`)
  }
  lines.push(`complete -c insic -n '__fish_seen_subcommand_from help' -a '${wordsAfter([]).join(' ')}'`)
  for (const { command } of ownFlags()) {
    const condition = seen(command)
    for (const flag of command.flags ?? []) {
      const value = flag.type === 'boolean' ? '' : ' -x'
      lines.push(`complete -c insic -n ${condition} -l ${flag.name}${value} -d '${fishText(flag.meaning)}'`)
    }
  }
  return [...lines, ''].join('\n')
}

function summaryOf(path: readonly string[]): string {
  const command = COMMANDS.find((candidate) => candidate.path.join(' ') === path.join(' '))
  return command?.summary ?? `${path.join(' ')} ...`
}

function zshText(text: string): string {
  return text.replaceAll("'", "'\\''").replaceAll(':', '\\:')
}

function fishText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")
}
