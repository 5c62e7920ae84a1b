// Makes a release of the commit that is checked out: image and chart in a registry, both signed, and files with their checksums.
// docs/RELEASING.md says what comes before and after.
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseCommandLine, refuseCommandLine } from './command-line.ts'
import { faultsOf, versionOf } from './release/checks.ts'
import * as commands from './release/commands.ts'
import type { Command, ReleaseOptions } from './release/commands.ts'
import { imageFaults } from './release/image-index.ts'

const ROOT = path.resolve(import.meta.dirname, '..')
const OUTPUT_BYTES_MAX = 16 << 20
const read = (name: string): string => readFileSync(name, 'utf8')

const HELP = `node scripts/release.ts --registry HOST[/PATH] [options]: makes a release of the commit that is checked out
  --registry HOST/PATH    where HOST/PATH/insi (image) and HOST/PATH/charts/insi (chart) go
  --dry-run               print every command, run none
  --output DIR            where its files go (default release)
  --platforms LIST        (default linux/amd64,linux/arm64)
  --base-image IMAGE      Node's image; its digest is looked up once (default node:26-bookworm-slim)
  --source URL            where the sources can be read
  --builder NAME          builder of docker buildx; it must be able to push (default: the current one)
  --sbom-generator IMAGE  what lists the contents of the image (default: that of BuildKit)
  --key FILE --public-key FILE   keys of cosign; COSIGN_PASSWORD opens the first
  --identity WHO --issuer URL    without keys: as whom cosign signs, and who vouches for it
  --no-transparency-log   with keys: sign and verify without the internet
  --plain-http            the registry speaks no TLS
Needs git, docker with buildx, helm and cosign 2. Tests are not run here: .ci/run must have passed on the same commit.
Examples:
  node scripts/release.ts --registry registry.example.org --dry-run --identity me@example.org --issuer https://accounts.example.org
  node scripts/release.ts --registry registry.example.org --identity me@example.org --issuer https://accounts.example.org
  node scripts/release.ts --registry localhost:5000 --plain-http --key cosign.key --public-key cosign.pub --no-transparency-log`

const values = parseCommandLine(
  {
    registry: { type: 'string' },
    'dry-run': { type: 'boolean', default: false },
    output: { type: 'string', default: 'release' },
    platforms: { type: 'string', default: 'linux/amd64,linux/arm64' },
    'base-image': { type: 'string', default: 'node:26-bookworm-slim' },
    source: { type: 'string' },
    builder: { type: 'string' },
    'sbom-generator': { type: 'string' },
    key: { type: 'string' },
    'public-key': { type: 'string' },
    identity: { type: 'string', default: '' },
    issuer: { type: 'string', default: '' },
    'no-transparency-log': { type: 'boolean', default: false },
    'plain-http': { type: 'boolean', default: false },
  },
  HELP,
)

function releaseOptions(): ReleaseOptions {
  const { registry, key, 'public-key': publicKey, identity, issuer } = values
  if (process.cwd() !== ROOT) return refuseCommandLine(`run it in ${ROOT}`, HELP)
  if (registry === undefined) return refuseCommandLine('--registry is missing', HELP)
  if ((key === undefined) !== (publicKey === undefined))
    return refuseCommandLine('--key and --public-key go together', HELP)
  if (key === undefined && (identity === '' || issuer === ''))
    return refuseCommandLine('either --key and --public-key, or --identity and --issuer', HELP)
  if (key === undefined && values['no-transparency-log'])
    return refuseCommandLine(
      '--no-transparency-log needs --key: nothing else vouches for a short-lived certificate',
      HELP,
    )
  return {
    registry,
    version: versionOf(read('package.json')),
    revision: ask(['git', 'rev-parse', 'HEAD']),
    committedAt: ask(['git', 'log', '-1', '--format=%cI']),
    platforms: values.platforms.split(','),
    baseImage: values['base-image'],
    source: values.source,
    builder: values.builder,
    sbomGenerator: values['sbom-generator'],
    key: key === undefined || publicKey === undefined ? undefined : { secret: key, public: publicKey },
    identity,
    issuer,
    hasTransparencyLog: !values['no-transparency-log'],
    plainHttp: values['plain-http'],
    output: values.output,
  }
}

const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)

/** What a command that changes nothing prints. */
function ask([program = '', ...words]: Command): string {
  return execFileSync(program, words, { encoding: 'utf8', maxBuffer: OUTPUT_BYTES_MAX }).trimEnd()
}

/** Prints the command and runs it. A dry run prints it only. */
function run(command: Command): { ok: boolean; stdout: string; stderr: string } {
  const [program = '', ...words] = command
  console.log(`+ ${command.map(quoted).join(' ')}`)
  if (values['dry-run']) return { ok: true, stdout: '', stderr: '' }
  const { status, stdout, stderr, error } = spawnSync(program, words, { encoding: 'utf8', maxBuffer: OUTPUT_BYTES_MAX })
  if (error !== undefined) fail(`${program}: ${error.message}`)
  return { ok: status === 0, stdout, stderr }
}

function must(command: Command): string {
  const { ok, stdout, stderr } = run(command)
  if (!ok) fail(`${stdout}${stderr}`)
  return stdout
}

function fail(reason: string): never {
  console.error(`${reason.trimEnd()}\nnot released`)
  process.exit(1)
}

function check(): void {
  const faults = faultsOf({
    changes: ask(['git', 'status', '--porcelain']),
    packageJson: read('package.json'),
    packageLock: read('package-lock.json'),
    chart: read('charts/insi/Chart.yaml'),
    changelog: read('CHANGELOG.md'),
    recorded: readdirSync('test/kube/released'),
  })
  if (faults.length === 0) return
  const report = faults.map((fault) => `- ${fault}`).join('\n')
  if (values['dry-run']) console.log(`# would stop here:\n${report.replaceAll(/^/gm, '#   ')}`)
  else fail(report)
}

/** A version never changes once it can be had. Whether it can must be certain. */
function refuseExisting(options: ReleaseOptions): void {
  for (const name of [commands.imageOf(options), commands.chartOf(options)]) {
    const reference = `${name}:${options.version}`
    const { ok, stderr } = run(commands.inspectRaw(options, reference))
    if (values['dry-run']) continue
    if (ok) fail(`${reference} is there already; a version is released once`)
    if (!/not found/.test(stderr)) fail(`cannot tell whether ${reference} is there:\n${stderr}`)
  }
}

/** Plain manifests that name the image by its digest. */
function writeManifests(options: ReleaseOptions, image: string): void {
  const reference = `${commands.imageOf(options)}:${options.version}@${image}`
  const manifests = read('k8s/insi.yaml').replaceAll(/image: insi:\S+/g, `image: ${reference}`)
  writeFileSync(path.join(options.output, 'insi.yaml'), manifests)
}

function writeChecksums(options: ReleaseOptions): void {
  const files = [path.basename(commands.chartFileOf(options)), 'insi.yaml', 'insi.spdx.json']
  const lines = files.map((file) => {
    const sum = createHash('sha256')
      .update(readFileSync(path.join(options.output, file)))
      .digest('hex')
    return `${sum}  ${file}\n`
  })
  writeFileSync(commands.checksumsOf(options), lines.join(''))
}

function digestIn(text: string, pattern: RegExp, otherwise: string): string {
  const digest = pattern.exec(text)?.[1]
  if (digest === undefined && !values['dry-run']) fail(`no digest in:\n${text}`)
  return digest ?? otherwise
}

function makeImage(options: ReleaseOptions): string {
  const unknown = commands.UNKNOWN_DIGESTS
  const base = digestIn(must(commands.resolveBase(options)), /(sha256:[0-9a-f]{64})/, unknown.base)
  must(commands.buildImage(options, { base }))
  const metadata = values['dry-run'] ? '' : read(commands.metadataOf(options))
  const image = digestIn(metadata, /"containerimage\.digest": "(sha256:[0-9a-f]{64})"/, unknown.image)
  const reference = `${commands.imageOf(options)}@${image}`
  const index = must(commands.inspectRaw(options, reference))
  const faults = values['dry-run'] ? [] : imageFaults(index, options.platforms)
  if (faults.length > 0) fail(faults.join('\n'))
  must(commands.sign(options, reference))
  must(commands.verify(options, reference))
  return image
}

function makeChart(options: ReleaseOptions): string {
  const { stdout, stderr, ok } = run(commands.pushChart(options))
  const pushed = `${stdout}${stderr}`
  if (!ok) fail(pushed)
  const digest = digestIn(pushed, /^Digest: (sha256:[0-9a-f]{64})/m, commands.UNKNOWN_DIGESTS.chart)
  const reference = `${commands.chartOf(options)}@${digest}`
  must(commands.sign(options, reference))
  must(commands.verify(options, reference))
  return digest
}

const options = releaseOptions()
check()
refuseExisting(options)
if (!values['dry-run']) mkdirSync(options.output, { recursive: true })
const image = makeImage(options)
must(commands.packageChart(options))
const bill = must(commands.LIST_DEPENDENCIES)
if (!values['dry-run']) {
  writeManifests(options, image)
  writeFileSync(path.join(options.output, 'insi.spdx.json'), bill)
  writeChecksums(options)
}
must(commands.signChecksums(options))
must(commands.verifyChecksums(options))
const chart = makeChart(options)
must(commands.tagImage(options, { image }))
console.log(`image  ${commands.imageOf(options)}:${options.version}@${image}`)
console.log(`chart  oci://${commands.chartOf(options)}:${options.version}@${chart}`)
console.log(`files  ${options.output}; then: git tag v${options.version} ${options.revision}`)
