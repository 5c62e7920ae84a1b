// The commands that a release consists of, as words; what runs them is scripts/release.ts.
import path from 'node:path'

export interface ReleaseOptions {
  /** With a path if there is one: registry.example.org/team. */
  readonly registry: string
  readonly version: string
  readonly revision: string
  /** ISO 8601; what is built from the same commit says the same. */
  readonly committedAt: string
  readonly platforms: readonly string[]
  readonly baseImage: string
  /** Where the sources can be read. */
  readonly source: string | undefined
  readonly builder: string | undefined
  readonly sbomGenerator: string | undefined
  /** Without one, cosign signs as whoever is logged in (keyless). */
  readonly key: { readonly secret: string; readonly public: string } | undefined
  /** Who signed keylessly, and who vouches for that. */
  readonly identity: string
  readonly issuer: string
  readonly hasTransparencyLog: boolean
  readonly plainHttp: boolean
  readonly output: string
}

/** sha256:... of what is known only while a release runs. */
export interface Digests {
  readonly base: string
  readonly image: string
  readonly chart: string
}

/** What --dry-run prints in the place of a digest. */
export const UNKNOWN_DIGESTS: Digests = {
  base: 'sha256:BASE_DIGEST',
  image: 'sha256:IMAGE_DIGEST',
  chart: 'sha256:CHART_DIGEST',
}

export type Command = readonly string[]

export const imageOf = ({ registry }: ReleaseOptions): string => `${registry}/insi`
export const chartOf = ({ registry }: ReleaseOptions): string => `${registry}/charts/insi`
export const chartFileOf = ({ output, version }: ReleaseOptions): string => path.join(output, `insi-${version}.tgz`)
export const checksumsOf = ({ output }: ReleaseOptions): string => path.join(output, 'SHA256SUMS')
export const metadataOf = ({ output }: ReleaseOptions): string => path.join(output, 'image.json')
const bundleOf = (options: ReleaseOptions): string => `${checksumsOf(options)}.bundle`

const buildx = ({ builder }: ReleaseOptions, verb: readonly string[]): Command => [
  'docker',
  'buildx',
  ...verb,
  ...(builder === undefined ? [] : ['--builder', builder]),
]

/** Prints the manifest, or fails with "not found". */
export const inspectRaw = (options: ReleaseOptions, reference: string): Command => [
  ...buildx(options, ['imagetools', 'inspect']),
  '--raw',
  reference,
]

/** Prints the digest of the base image: the same one for all platforms, also if its tag moves meanwhile. */
export const resolveBase = (options: ReleaseOptions): Command => [
  ...buildx(options, ['imagetools', 'inspect']),
  '--format',
  '{{.Manifest.Digest}}',
  options.baseImage,
]

const pinned = ({ baseImage }: ReleaseOptions, digest: string): string => `${baseImage.split('@')[0] ?? ''}@${digest}`

/** Builds and pushes under no tag yet; the digest is in the metadata file. */
export function buildImage(options: ReleaseOptions, { base }: Pick<Digests, 'base'>): Command {
  const { version, revision, committedAt, source, sbomGenerator } = options
  const words = {
    title: 'insi',
    description: 'Durable key-value store, cache, events and tenants behind one HTTP API, replicated by Raft',
    licenses: 'Apache-2.0',
    version,
    revision,
    created: committedAt,
    'base.name': options.baseImage.split('@')[0] ?? '',
    'base.digest': base,
    ...(source === undefined ? {} : { source }),
  }
  const texts = Object.entries(words).map(([name, text]) => `org.opencontainers.image.${name}=${text}`)
  const args = {
    NODE_IMAGE: pinned(options, base),
    VERSION: version,
    REVISION: revision,
    CREATED: committedAt,
    SOURCE_DATE_EPOCH: String(Date.parse(committedAt) / 1000),
  }
  return [
    ...buildx(options, ['build']),
    '--platform',
    options.platforms.join(','),
    ...Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    ...texts.flatMap((text) => ['--label', text, '--annotation', `index,manifest:${text}`]),
    sbomGenerator === undefined ? '--sbom=true' : `--sbom=generator=${sbomGenerator}`,
    '--provenance=mode=max',
    '--metadata-file',
    metadataOf(options),
    '--output',
    `type=image,name=${imageOf(options)},push=true,push-by-digest=true,name-canonical=true`,
    '.',
  ]
}

export const packageChart = ({ output }: ReleaseOptions): Command => [
  'helm',
  'package',
  'charts/insi',
  '--destination',
  output,
]

/** Prints what the image brings from npm, as SPDX. */
export const LIST_DEPENDENCIES: Command = ['npm', 'sbom', '--sbom-format=spdx', '--omit=dev', '--package-lock-only']

/** Prints a line `Digest: sha256:...`. */
export const pushChart = (options: ReleaseOptions): Command => [
  'helm',
  'push',
  chartFileOf(options),
  `oci://${options.registry}/charts`,
  ...(options.plainHttp ? ['--plain-http'] : []),
]

/** The last step: before it, nobody who asks for a version gets anything of a release that has failed. */
export const tagImage = (options: ReleaseOptions, { image }: Pick<Digests, 'image'>): Command => [
  ...buildx(options, ['imagetools', 'create']),
  '--tag',
  `${imageOf(options)}:${options.version}`,
  `${imageOf(options)}@${image}`,
]

const signer = ({ key }: ReleaseOptions): string[] => (key === undefined ? [] : ['--key', key.secret])
const upload = ({ hasTransparencyLog }: ReleaseOptions): string[] => (hasTransparencyLog ? [] : ['--tlog-upload=false'])
const ignoreLog = ({ hasTransparencyLog }: ReleaseOptions): string[] =>
  hasTransparencyLog ? [] : ['--insecure-ignore-tlog=true']
const http = ({ plainHttp }: ReleaseOptions): string[] => (plainHttp ? ['--allow-http-registry'] : [])
const trusted = ({ key, identity, issuer }: ReleaseOptions): string[] =>
  key === undefined ? ['--certificate-identity', identity, '--certificate-oidc-issuer', issuer] : ['--key', key.public]

/** Signs an index and all that it leads to. */
export const sign = (options: ReleaseOptions, reference: string): Command => [
  'cosign',
  'sign',
  '--yes',
  '--recursive',
  ...signer(options),
  ...upload(options),
  ...http(options),
  reference,
]

export const verify = (options: ReleaseOptions, reference: string): Command => [
  'cosign',
  'verify',
  ...trusted(options),
  ...ignoreLog(options),
  ...http(options),
  reference,
]

export const signChecksums = (options: ReleaseOptions): Command => [
  'cosign',
  'sign-blob',
  '--yes',
  ...signer(options),
  ...upload(options),
  '--bundle',
  bundleOf(options),
  checksumsOf(options),
]

export const verifyChecksums = (options: ReleaseOptions): Command => [
  'cosign',
  'verify-blob',
  ...trusted(options),
  ...ignoreLog(options),
  '--bundle',
  bundleOf(options),
  checksumsOf(options),
]
