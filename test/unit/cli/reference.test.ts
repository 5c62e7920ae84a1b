// docs/CLI.md is what the command table says. `npm run generate` writes it anew.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { nameOf } from '../../../src/cli/command.ts'
import { COMMANDS, findCommand } from '../../../src/cli/commands.ts'
import { renderReference } from '../../../src/cli/reference.ts'

const DOCUMENT = path.resolve(import.meta.dirname, '../../../docs/CLI.md')

test('docs/CLI.md is made from the command table', () => {
  expect(readFileSync(DOCUMENT, 'utf8')).toBe(renderReference())
})

test('the document explains every command once', () => {
  const headings = [...renderReference().matchAll(/^#### insic (.*)$/gm)].map((match) => match[1])
  expect(headings).toEqual(COMMANDS.map(nameOf))
})

test('every example is a command line of that command', () => {
  for (const command of COMMANDS) {
    for (const { line } of command.examples) {
      const words = (/insic ([^)|>]*)/.exec(line)?.[1] ?? '')
        .trim()
        .split(' ')
        .filter((word) => word !== '--root')
      const found = findCommand(words.filter((_word, at) => !isFlagOrValue(words, at)))
      expect(found).toMatchObject({ type: 'command', command: { path: command.path } })
    }
  }
})

function isFlagOrValue(words: readonly string[], at: number): boolean {
  const takesValue = (word: string | undefined): boolean =>
    word === '-o' || word === '--target' || word === '--consistency'
  return takesValue(words[at]) || takesValue(words[at - 1])
}
