// What a release refuses, what it asks of the image that it pushed, and the order of its commands.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type Sources, faultsOf, versionOf } from '../../../scripts/release/checks.ts'
import { imageFaults } from '../../../scripts/release/image-index.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')
const read = (name: string): string => readFileSync(path.join(ROOT, name), 'utf8')
const version = versionOf(read('package.json'))
const READY: Sources = {
  changes: '',
  packageJson: read('package.json'),
  packageLock: read('package-lock.json'),
  chart: read('charts/insi/Chart.yaml'),
  changelog: `# Changelog\n\n## ${version} (2026-01-01)\n`,
  recorded: [`chart-${version}.json`],
}

describe('a commit', () => {
  test('is released when all that names its version says the same', () => {
    expect(faultsOf(READY)).toEqual([])
  })

  test.each<[string, Partial<Sources>, RegExp]>([
    ['has changes', { changes: ' M README.md\n' }, /working tree has changes:\n M README\.md$/],
    ['has another lock file', { packageLock: '{"version":"9.0.0"}' }, /package-lock\.json says 9\.0\.0/],
    ['has an older chart', { chart: READY.chart.replace(/^version: .*/m, 'version: 0.0.1') }, / version: 0\.0\.1/],
    [
      'has a chart of older nodes',
      { chart: READY.chart.replace(/^appVersion: .*/m, 'appVersion: 0.0.1') },
      /appVersion/,
    ],
    ['names another image', { chart: READY.chart.replace(/image: insi:.*/, 'image: insi:0.0.1') }, /artifacthub/],
    ['has changes that are not released', { changelog: '## Unreleased\n\n## 0.0.1\n' }, /CHANGELOG\.md is Unreleased/],
    ['has no record of its chart', { recorded: ['chart-0.0.1.json'] }, /test\/kube\/released has no/],
  ])('that %s is refused with the reason', (_, change, reason) => {
    expect(faultsOf({ ...READY, ...change })).toEqual([expect.stringMatching(reason)])
  })
})

describe('an image', () => {
  const entry = (architecture: string): object => ({
    digest: `sha256:${architecture}`,
    platform: { os: 'linux', architecture },
  })
  const statement = (architecture: string): object => ({
    digest: 'sha256:statement',
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': `sha256:${architecture}`,
    },
  })
  const faults = (...manifests: object[]): string[] =>
    imageFaults(JSON.stringify({ manifests }), ['linux/amd64', 'linux/arm64'])

  test('has both platforms and a statement about each', () => {
    expect(faults(entry('amd64'), entry('arm64'), statement('amd64'), statement('arm64'))).toEqual([])
  })

  test('is refused when a platform or a statement is missing', () => {
    expect(faults(entry('amd64'), statement('amd64'))).toEqual(['the image has no linux/arm64'])
    expect(faults(entry('amd64'), entry('arm64'), statement('arm64'))).toEqual([
      'the image has no SBOM and provenance of linux/amd64',
    ])
    expect(imageFaults('{}', ['linux/amd64'])).toEqual(['the image has no linux/amd64'])
  })
})

describe('scripts/release.ts', () => {
  const release = (...words: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(process.execPath, ['scripts/release.ts', ...words], { cwd: ROOT, encoding: 'utf8' })

  test('prints in a dry run what it would do: look, build, sign, check, and tag the image last', () => {
    const words = ['--registry', 'registry.example.org/team', '--key', 'cosign.key', '--public-key', 'cosign.pub']
    const { status, stdout } = release(...words, '--dry-run')
    const commands = stdout.split('\n').filter((line) => line.startsWith('+ '))
    expect(status).toBe(0)
    expect(commands.map((line) => /\+ (\S+ \S+(?: (?:build|inspect|create))?)/.exec(line)?.[1])).toEqual([
      'docker buildx',
      'docker buildx',
      'docker buildx',
      'docker buildx build',
      'docker buildx',
      'cosign sign',
      'cosign verify',
      'helm package',
      'npm sbom',
      'cosign sign-blob',
      'cosign verify-blob',
      'helm push',
      'cosign sign',
      'cosign verify',
      'docker buildx',
    ])
    expect(commands[3]).toMatch(/ --platform linux\/amd64,linux\/arm64 .* --sbom=true --provenance=mode=max /)
    expect(commands.at(-1)).toMatch(/imagetools create --tag registry\.example\.org\/team\/insi:\S+ /)
    // Tags can be moved, digests cannot.
    for (const line of commands.filter((command) => command.startsWith('+ cosign sign '))) {
      expect(line).toMatch(/@sha256:\w+$/)
    }
  })

  test.each([
    [['--dry-run'], /^--registry is missing/],
    [['--registry', 'r'], /^either --key and --public-key, or --identity and --issuer/],
    [['--registry', 'r', '--key', 'k'], /^--key and --public-key go together/],
    [['--registry', 'r', '--identity', 'i', '--issuer', 'u', '--no-transparency-log'], /needs --key/],
  ])('refuses %j in a line', (words, fault) => {
    expect(release(...words)).toMatchObject({ status: 2, stdout: '', stderr: expect.stringMatching(fault) })
  })
})
