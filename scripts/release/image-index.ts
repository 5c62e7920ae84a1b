// What an image of many platforms must have, told from its index as the registry has it.

interface Entry {
  readonly digest: string
  readonly platform?: { readonly os: string; readonly architecture: string }
  readonly annotations?: Readonly<Record<string, string>>
}

const KIND = 'vnd.docker.reference.type'
const SUBJECT = 'vnd.docker.reference.digest'

/** A sentence for each platform that is missing, or that nothing is said about (SBOM and provenance). */
export function imageFaults(index: string, platforms: readonly string[]): string[] {
  const { manifests = [] } = JSON.parse(index) as { readonly manifests?: readonly Entry[] }
  const attested = new Set(
    manifests.flatMap(({ annotations = {} }) =>
      annotations[KIND] === 'attestation-manifest' ? [annotations[SUBJECT]] : [],
    ),
  )
  return platforms.flatMap((name) => {
    const entry = manifests.find(({ platform }) => `${platform?.os ?? ''}/${platform?.architecture ?? ''}` === name)
    if (entry === undefined) return [`the image has no ${name}`]
    return attested.has(entry.digest) ? [] : [`the image has no SBOM and provenance of ${name}`]
  })
}
