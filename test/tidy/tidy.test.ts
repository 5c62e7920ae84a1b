// The house rules that no type checker knows. Each failure says what to do instead.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { ROOT, filesBelow, functionLengths } from './source-files.ts'

const FILE_LINES_MAX = 400
const FUNCTION_LINES_MAX = 70
const NPM_SCRIPTS_MAX = 12

const sources = filesBelow('src', ['.ts'])
const tests = filesBelow('test', ['.ts'])
const documents = [
  ...filesBelow('docs', ['.md']),
  ...filesBelow('.', ['README.md', 'CHANGELOG.md']).filter((file) => !file.path.includes('/')),
]

interface BannedCall {
  readonly pattern: RegExp
  readonly allowedIn: readonly RegExp[]
  readonly instead: string
}

const BANNED: readonly BannedCall[] = [
  {
    pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|process\.hrtime/,
    allowedIn: [/^src\/base\/clock\.ts$/, /^src\/cli\//, /^src\/bin\//],
    instead: 'take a Clock (base/clock.ts)',
  },
  {
    // The idle timeout of a socket is no timer of ours.
    pattern: /(?<!\bsocket\.)\bsetTimeout\(|\bsetInterval\(/,
    allowedIn: [/^src\/base\/clock\.ts$/, /^src\/cli\//],
    instead: 'take a Clock and use after() or every()',
  },
  {
    pattern: /\bMath\.random\(|\brandomBytes\(|\brandomUUID\(|\brandomInt\b.*node:crypto/,
    allowedIn: [/^src\/base\/random\.ts$/],
    instead: 'take a Random (base/random.ts)',
  },
  { pattern: /\bprocess\.env\b/, allowedIn: [/^src\/config\//], instead: 'read it in config/ and pass the value' },
  {
    pattern: /\bprocess\.exit\(/,
    allowedIn: [/^src\/bin\//],
    instead: 'throw, or resolve; only a process entry ends the process',
  },
  { pattern: /\b(TODO|FIXME|XXX|HACK)\b/, allowedIn: [], instead: 'finish it, or say it in an issue' },
  { pattern: /@ts-ignore|@ts-nocheck|\bas any\b/, allowedIn: [], instead: 'give it its type' },
  { pattern: /\bdebugger\b/, allowedIn: [], instead: 'remove it' },
]

/** Code without comments and string contents, so that words in them do not count as calls. */
function codeOf(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' ')).replace(/^\s*\/\/.*$/gm, '')
}

describe('the tree stays tidy', () => {
  test('layers hold: run `npx depcruise src` for the rule that a wrong import broke', () => {
    const run = spawnSync(
      process.execPath,
      ['node_modules/.bin/depcruise', 'src', '--config', '.dependency-cruiser.cjs'],
      { cwd: ROOT, encoding: 'utf8' },
    )
    expect({ status: run.status, output: run.status === 0 ? '' : run.stdout + run.stderr }).toEqual({
      status: 0,
      output: '',
    })
  })

  test(`no file is longer than ${FILE_LINES_MAX} lines: split it by concept`, () => {
    const long = [...sources, ...tests]
      .filter((file) => file.lines.length - 1 > FILE_LINES_MAX)
      .map((file) => `${file.path}: ${file.lines.length - 1} lines`)
    expect(long).toEqual([])
  })

  test(`no function of src is longer than ${FUNCTION_LINES_MAX} lines: give its parts names`, () => {
    const long = sources.flatMap((file) =>
      functionLengths(file.text)
        .filter((found) => found.lineCount > FUNCTION_LINES_MAX)
        .map((found) => `${file.path}:${found.firstLine} ${found.name}: ${found.lineCount} lines`),
    )
    expect(long).toEqual([])
  })

  test('function lengths are measured in lines of the file, comments and imports before them included', () => {
    const text =
      '// head ü\nimport x from "y"\n\nfunction one() {\n  return x\n}\nconst two = () => {\n\n  return 1\n}\n'
    expect(functionLengths(text)).toEqual([
      { name: 'one', firstLine: 4, lineCount: 3 },
      { name: 'two', firstLine: 7, lineCount: 4 },
    ])
  })

  test.each(BANNED.map((banned) => [banned.pattern.source, banned] as const))(
    'src does not use %s outside its room',
    (_name, banned) => {
      const found = sources
        .filter((file) => !banned.allowedIn.some((room) => room.test(file.path)))
        .flatMap((file) =>
          codeOf(file.text)
            .split('\n')
            .flatMap((line, at) => (banned.pattern.test(line) ? [`${file.path}:${at + 1}: ${banned.instead}`] : [])),
        )
      expect(found).toEqual([])
    },
  )

  test('tests are neither focused nor skipped, and do not sleep', () => {
    const marks = /\b(test|it|describe)\.(only|skip)\(|\bx(it|describe|test)\(|\bsleep\(/
    const found = tests
      .filter((file) => !file.path.startsWith('test/tidy/'))
      .flatMap((file) => file.lines.flatMap((line, at) => (marks.test(line) ? [`${file.path}:${at + 1}`] : [])))
    expect(found).toEqual([])
  })

  test('every file of src opens with a comment that says what lives there', () => {
    const silent = sources.filter((file) => !/^(#![^\n]*\n)?(\/\/|\/\*)/.test(file.text)).map((file) => file.path)
    expect(silent).toEqual([])
  })

  test('file names are kebab-case nouns of the field', () => {
    const vague = /(^|[-/])(utils?|helpers?|common|manager|misc)([-.]|$)/
    const bad = [...sources, ...tests]
      .filter((file) => vague.test(file.path) || !/^[a-z0-9-]+(\.[a-z]+)*\.ts$/.test(path.basename(file.path)))
      .map((file) => file.path)
    expect(bad).toEqual([])
  })

  test('every path of the project that a document names exists', () => {
    const missing = documents.flatMap((file) =>
      [...file.text.matchAll(/`((?:src|test|docs|charts|k8s|scripts|\.ci)\/[A-Za-z0-9_./-]+?)`/g)]
        .map((match) => match[1] ?? '')
        .filter((named) => !existsSync(path.join(ROOT, named)))
        .map((named) => `${file.path} names ${named}`),
    )
    expect(missing).toEqual([])
  })

  test('package-lock.json locks the optional packages of every platform: run `node scripts/complete-lockfile.ts`', () => {
    const { packages } = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>
    }
    const locked = new Set(Object.keys(packages).map((place) => place.split('node_modules/').at(-1)))
    const missing = Object.values(packages)
      .flatMap((owner) => Object.entries(owner.optionalDependencies ?? {}))
      .filter(([name, version]) => /^\d/.test(version) && !locked.has(name))
    expect(missing).toEqual([])
  })

  test(`package.json has at most ${NPM_SCRIPTS_MAX} scripts`, () => {
    const scripts = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>
    }
    expect(Object.keys(scripts.scripts).length).toBeLessThanOrEqual(NPM_SCRIPTS_MAX)
  })
})
