// Every alert has a page that a stranger can work by: whole, and with commands, objects, series and links that exist.
import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { parseAllDocuments } from 'yaml'
import { ALERT_GROUPS, RECORDING_RULES } from '../../scripts/chart-alerts.ts'
import { RUNBOOKS_FOLDER, renderRunbook, runbookOf } from '../../scripts/generate-runbooks.ts'
import { parseCommandWords } from '../../src/cli/command-words.ts'
import { findCommand } from '../../src/cli/commands.ts'
import { parseGlobalFlags } from '../../src/cli/global-flags.ts'
import { faultsOf } from './series-check.ts'

const HEADINGS = ['What it means', 'Impact', 'Diagnose', 'Cure', 'It is over when']
const alerts = Object.values(ALERT_GROUPS).flat()
const pages = new Map(alerts.map(({ name }) => [name, readFileSync(runbookOf(name), 'utf8')]))
const records = RECORDING_RULES.map(({ record }) => record)

/** Faults of all pages, each with the name of its page. */
const faultsOfPages = (faults: (page: string) => string[]): string[] =>
  [...pages].flatMap(([name, page]) => faults(page).map((fault) => `${name}: ${fault}`))

const blocks = (page: string, language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, block = '']) => block)

/** Lines of the shell blocks and what stands between backticks in the text, each without its comment. */
function commandsOf(page: string): string[] {
  const inline = [...page.replaceAll(/^```.*?^```$/gms, '').matchAll(/`([^`]+)`/g)].map(([, text = '']) => text)
  const lines = blocks(page, 'sh').flatMap((block) => block.split('\n'))
  return [...lines, ...inline].map((line) =>
    line
      .replace(/\s+# .*$/, '')
      .replace(/^NODE=\S+ /, '')
      .trim(),
  )
}

/** Why insic would refuse the words; null when it would not. */
function insicFault(command: string): string | null {
  try {
    const { rest } = parseGlobalFlags(command.split(' ').slice(1))
    const found = findCommand(rest)
    if (found.type !== 'command') return `${command}: no such command`
    parseCommandWords(found.command, rest.slice(found.command.path.length))
    return null
  } catch (error) {
    return `${command}: ${String(error)}`
  }
}

/** Objects that the chart makes, as kind/name in lower case, and those that Kubernetes and the monitors make of them. */
function knownObjects(): Set<string> {
  const manifest = readFileSync(path.resolve(import.meta.dirname, '../../k8s/insi.yaml'), 'utf8')
  const made = parseAllDocuments(manifest)
    .map((document) => document.toJS() as { kind?: string; metadata?: { name?: string } } | null)
    .flatMap((object) =>
      object?.kind === undefined ? [] : [`${object.kind.toLowerCase()}/${object.metadata?.name ?? ''}`],
    )
  const ofNodes = [0, 1, 2].flatMap((ordinal) => [`pod/insi-${ordinal}`, `pvc/data-insi-${ordinal}`])
  return new Set([...made, ...ofNodes, 'secret/insi-tls', 'podmonitor/insi-reconciler'])
}

const KINDS: Readonly<Record<string, string>> = { deploy: 'deployment', pods: 'pod', svc: 'service' }
const NAMED =
  /\b(statefulsets?|deploy(?:ment)?|configmap|service|secret|role|rolebinding|lease|networkpolicy|podmonitor|pvc|pod|svc)[ /]((?:[a-z0-9][a-z0-9-]*)(?: data-insi-\d)*)/g

/** Objects that a kubectl command names and that do not exist. */
function unknownObjects(command: string, known: ReadonlySet<string>): string[] {
  const words = command
    .replace('create secret tls ', 'create secret ')
    .replaceAll(/ (-[a-z]|--[a-z-]+)(=\S+| [^-\s]\S*)?/g, (flag) => ` ${flag.trim().replaceAll(' ', '=')}`)
  const named = [...words.matchAll(NAMED)].flatMap(([, kind = '', names = '']) =>
    names.split(' ').map((name) => `${KINDS[kind] ?? kind.replace(/sets$/, 'set')}/${name}`),
  )
  const pods = [...words.matchAll(/\b(?:logs|exec) (insi-\S+)/g)].map(([, name = '']) => `pod/${name}`)
  return [...named, ...pods].filter((object) => !known.has(object))
}

test('there is one page an alert, and no page too many', () => {
  const files = readdirSync(RUNBOOKS_FOLDER).sort()
  expect(files).toEqual(alerts.map(({ name }) => `${name}.md`).sort())
})

test('the heads are those of the alerts: run `npm run generate`', () => {
  const stale = alerts.filter((rule) => renderRunbook(rule, pages.get(rule.name) ?? '') !== pages.get(rule.name))
  expect(stale.map(({ name }) => name)).toEqual([])
})

test('each page says what it means, its impact, how to diagnose and to cure, and when it is over', () => {
  const faults = faultsOfPages((page) => {
    const sections = page.split(/^## /m).slice(1)
    const headings = sections.map((section) => section.split('\n')[0] ?? '')
    const empty = sections.filter((section) => section.split('\n').slice(1).join('').trim() === '')
    const isWhole = headings.join() === HEADINGS.join() && empty.length === 0
    return isWhole && blocks(page, 'sh').length > 1 ? [] : [headings.join()]
  })
  expect(faults).toEqual([])
})

test('every insic command is one, with flags that it has', () => {
  const faults = faultsOfPages((page) =>
    commandsOf(page)
      .filter((command) => command.startsWith('insic '))
      .flatMap((command) => insicFault(command) ?? []),
  )
  expect(faults).toEqual([])
  expect(insicFault('insic cluster statsu')).not.toBeNull()
  expect(insicFault('insic cluster remove insi-2 --pln')).not.toBeNull()
})

test('every object that a kubectl command names is one of the chart', () => {
  const known = knownObjects()
  const faults = faultsOfPages((page) =>
    commandsOf(page)
      .filter((command) => command.startsWith('kubectl '))
      .flatMap((command) => unknownObjects(command, known)),
  )
  expect(faults).toEqual([])
  expect(unknownObjects('kubectl -n insi rollout restart statefulset/insy', known)).toEqual(['statefulset/insy'])
  expect(unknownObjects('kubectl -n insi logs insi-9', known)).toEqual(['pod/insi-9'])
})

test('every query asks for series that exist', () => {
  const faults = faultsOfPages((page) =>
    blocks(page, 'promql')
      .slice(1)
      .flatMap((query) => faultsOf(query.trim(), records)),
  )
  expect(faults).toEqual([])
})

test('every series that the text names exists', () => {
  const faults = faultsOfPages((page) =>
    [...page.matchAll(/`((?:insi|nodejs|process)[_:][\w:]+)`/g)].flatMap(([, name = '']) =>
      faultsOf(`rate(${name}{})`, records).filter((fault) => fault.endsWith('does not exist')),
    ),
  )
  expect(faults).toEqual([])
})

test('every link to another page leads to one', () => {
  const faults = faultsOfPages((page) =>
    [...page.matchAll(/\]\((Insi\w+)\.md\)/g)].map(([, name = '']) => name).filter((name) => !pages.has(name)),
  )
  expect(faults).toEqual([])
})
