// What must be true of a commit before it is released, told from its files.
import { parse } from 'yaml'

export interface Sources {
  /** `git status --porcelain`. */
  readonly changes: string
  readonly packageJson: string
  readonly packageLock: string
  readonly chart: string
  readonly changelog: string
  /** Names of the records in test/kube/released. */
  readonly recorded: readonly string[]
}

interface Versioned {
  readonly version: string
}

export const versionOf = (packageJson: string): string => (JSON.parse(packageJson) as Versioned).version

/** One sentence for each thing that forbids a release. */
export function faultsOf(sources: Sources): string[] {
  const version = versionOf(sources.packageJson)
  const chart = parse(sources.chart) as {
    readonly version: string
    readonly appVersion: string
    readonly annotations: Readonly<Record<string, string>>
  }
  const heading = /^## (\S+)/m.exec(sources.changelog)?.[1]
  const record = `chart-${version}.json`
  const faults: (string | false)[] = [
    sources.changes.trim() !== '' && `the working tree has changes:\n${sources.changes.trimEnd()}`,
    !/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(version) &&
      `package.json has no version that can be released: ${version}`,
    versionOf(sources.packageLock) !== version && `package-lock.json says ${versionOf(sources.packageLock)}`,
    chart.version !== version && `charts/insi/Chart.yaml says version: ${chart.version}`,
    chart.appVersion !== version && `charts/insi/Chart.yaml says appVersion: ${chart.appVersion}`,
    chart.annotations['artifacthub.io/images']?.includes(`image: insi:${version}`) !== true &&
      `artifacthub.io/images in charts/insi/Chart.yaml has no insi:${version}`,
    heading !== version && `the first heading of CHANGELOG.md is ${heading ?? 'missing'}`,
    !sources.recorded.includes(record) &&
      `test/kube/released has no ${record}: node scripts/chart-immutable-fields.ts > test/kube/released/${record}`,
  ]
  return faults.filter((fault) => fault !== false)
}
