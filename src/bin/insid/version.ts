// The release, as package.json says it.
import { readFileSync } from 'node:fs'

/** Same distance from the sources and from what is built of them. */
const PACKAGE_FILE = new URL('../../../package.json', import.meta.url)

export function insiVersion(): string {
  const { version } = JSON.parse(readFileSync(PACKAGE_FILE, 'utf8')) as { version: string }
  return version
}
