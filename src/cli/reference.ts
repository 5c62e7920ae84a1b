// docs/CLI.md, made from the command table; a test compares the two.
import type { Command } from './command.ts'
import { nameOf } from './command.ts'
import { GROUPS } from './commands.ts'
import type { FlagSpec } from './flags.ts'
import { GLOBAL_FLAGS } from './global-flags.ts'
import { EXIT_CODES, MODES, SCHEME_RULE, VARIABLES, usageLine } from './usage.ts'

/** The whole document. */
export function renderReference(): string {
  return [
    '# insic',
    'The command line of Insi. This page is made from the table of commands in `src/cli/table/` by `npm run generate`; `insic <command> --help` says the same.',
    fenced('insic [flags] <command> [args...]'),
    '## Where it connects',
    list(MODES.map(({ name, meaning }) => `**${name}**: ${escape(meaning)}`)),
    escape(SCHEME_RULE),
    'With `tls` or `serverMustUseTLS` in the configuration it connects by TLS and checks the certificate unless `clientSkipVerify` is true.',
    table(
      ['Variable', 'Meaning'],
      VARIABLES.map(({ name, meaning }) => [`\`${name}\``, escape(meaning)]),
    ),
    'In config mode the environment goes before the file, as it does for the server: `INSI_INSTANCE_SECRET`, `INSI_INSTANCE_SECRET_FILE`, `INSI_DEFAULT_LEADER`, `INSI_CLIENT_SKIP_VERIFY`, `INSI_SERVER_MUST_USE_TLS`, `INSI_TLS_CERT`.',
    '## Flags',
    'They stand before the command, as `--name value` or `--name=value`; booleans take a value only with `=`. `-o json` and `--help` are welcome after the command too.',
    flagTable(GLOBAL_FLAGS),
    '## Output',
    'Results go to stdout, everything else to stderr. A failure is a line `Error: ...`, mostly after a diagnostic line `time=... level=ERROR msg="..." ...`. With `-o json` the result is one line of JSON; a failure is one JSON object on stderr with `error_type`, `message` and, where known, `hint`, `status`, `request_id` and `retry_after_ms`.',
    'Reads that fail are tried again, on other nodes too where the configuration names them. A write is tried again only when it certainly changed nothing; `OUTCOME_UNKNOWN` means that it may have happened. A rate limit is reported at once.',
    '## Exit codes',
    table(
      ['Code', 'Meaning'],
      EXIT_CODES.map(([code, meaning]) => [code, meaning]),
    ),
    '## Commands',
    ...GROUPS.flatMap((group) => [`### ${group.title}`, ...group.commands.flatMap(renderCommand)]),
  ]
    .join('\n\n')
    .concat('\n')
}

function renderCommand(command: Command): string[] {
  const parts = [`#### insic ${nameOf(command)}`, escape(command.summary), fenced(usageLine(command))]
  if (command.details !== undefined) parts.push(escape(command.details))
  if (command.args.length > 0) {
    parts.push(list(command.args.map(({ name, meaning }) => `\`${name}\`: ${escape(meaning)}`)))
  }
  if (command.flags !== undefined) parts.push(flagTable(command.flags))
  const width = Math.max(...command.examples.map(({ line }) => line.length))
  parts.push(fenced(command.examples.map(({ line, meaning }) => `${line.padEnd(width)}  # ${meaning}`).join('\n')))
  return parts
}

function flagTable(flags: readonly FlagSpec[]): string {
  return table(
    ['Flag', 'Meaning', 'Default'],
    flags.map((flag) => [
      `\`${flag.name.length === 1 ? '-' : '--'}${flag.name}\``,
      escape(flag.choices === undefined ? flag.meaning : `${flag.meaning} One of: ${flag.choices.join(', ')}.`),
      flag.defaultText === undefined ? '' : `\`${flag.defaultText}\``,
    ]),
  )
}

function fenced(text: string): string {
  return `\`\`\`sh\n${text}\n\`\`\``
}

function list(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join('\n')
}

/** Columns padded to one width, as the formatter of this repository has them. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, at) => Math.max(3, cell.length, ...rows.map((row) => (row[at] ?? '').length)))
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, at) => (cells[at] ?? '').padEnd(width)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

function escape(text: string): string {
  return text.replaceAll(/[*<]/g, (mark) => `\\${mark}`)
}
