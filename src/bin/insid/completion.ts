// `insid completion SHELL`: scripts that complete flags and commands, made from the parser's own tables.

export interface CompletionTable {
  /** Long flags; `value` is what kind of value the flag takes, null for none. */
  readonly flags: readonly { readonly name: string; readonly value: string | null; readonly meaning: string }[]
  readonly commands: readonly { readonly name: string; readonly meaning: string }[]
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

export function completionScript(shell: Shell, table: CompletionTable): string {
  switch (shell) {
    case 'bash':
      return bashScript(table)
    case 'zsh':
      return zshScript(table)
    case 'fish':
      return fishScript(table)
  }
}

function bashScript({ flags, commands }: CompletionTable): string {
  const words = [...flags.map((flag) => `--${flag.name}`), ...commands.map((command) => command.name)].join(' ')
  const paths = flags.filter((flag) => flag.value === 'path').map((flag) => `--${flag.name}`)
  return `_insid() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}
  case $before in
    ${paths.join('|')}) COMPREPLY=($(compgen -f -- "$word")) ;;
    completion) COMPREPLY=($(compgen -W "${SHELLS.join(' ')}" -- "$word")) ;;
    *) COMPREPLY=($(compgen -W "${words}" -- "$word")) ;;
  esac
}
complete -o filenames -F _insid insid
`
}

function zshScript({ flags, commands }: CompletionTable): string {
  const quoted = (text: string): string => text.replaceAll("'", "'\\''").replaceAll('[', '\\[').replaceAll(']', '\\]')
  const options = flags.map(
    (flag) =>
      `    '--${flag.name}[${quoted(flag.meaning)}]${flag.value === null ? '' : `:${flag.value}:${flag.value === 'path' ? '_files' : ''}`}'`,
  )
  const described = commands.map((command) => `'${command.name}:${quoted(command.meaning)}'`).join(' ')
  return `#compdef insid
_insid() {
  local -a commands=(${described})
  _arguments \\
${options.join(' \\\n')} \\
    '1: :{_describe command commands}' \\
    '2: :(${SHELLS.join(' ')})'
}
compdef _insid insid
`
}

function fishScript({ flags, commands }: CompletionTable): string {
  const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  return [
    'complete -c insid -f',
    ...flags.map(
      (flag) =>
        `complete -c insid -l ${flag.name} ${flag.value === null ? '' : flag.value === 'path' ? '-rF ' : '-x '}-d ${quoted(flag.meaning)}`,
    ),
    ...commands.map(
      (command) => `complete -c insid -n __fish_use_subcommand -a ${command.name} -d ${quoted(command.meaning)}`,
    ),
    `complete -c insid -n '__fish_seen_subcommand_from completion' -a '${SHELLS.join(' ')}'`,
    '',
  ].join('\n')
}
