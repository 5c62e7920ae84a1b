// Completes package-lock.json with the optional packages of other platforms, which npm leaves out when the registry at hand does
// not serve them; `npm ci` then refuses the file on every machine. Their versions are those that their owners pin.
import { readFileSync, writeFileSync } from 'node:fs'

interface LockedPackage {
  version?: string
  optional?: boolean
  os?: string[]
  cpu?: string[]
  libc?: string[]
  optionalDependencies?: Record<string, string>
}

const FILE = 'package-lock.json'
const SYSTEMS = ['darwin', 'linux', 'win32', 'android', 'freebsd', 'openharmony', 'openbsd', 'netbsd', 'sunos', 'aix']
const PROCESSORS = ['arm64', 'x64', 'arm', 'ia32', 'ppc64', 's390x', 'riscv64', 'loong64', 'wasm32']

/** What a package named like `@scope/binding-linux-arm64-musl` runs on. */
function platformOf(name: string): Pick<LockedPackage, 'os' | 'cpu' | 'libc'> {
  const words = name.split('/').at(-1)?.split('-') ?? []
  const system = SYSTEMS.find((candidate) => words.includes(candidate))
  const processor = PROCESSORS.find((candidate) => words.includes(candidate))
  const libc = words.includes('musl') ? 'musl' : words.includes('gnu') && system === 'linux' ? 'glibc' : undefined
  return {
    ...(system === undefined ? {} : { os: [system] }),
    ...(processor === undefined ? {} : { cpu: [processor] }),
    ...(libc === undefined ? {} : { libc: [libc] }),
  }
}

const lock = JSON.parse(readFileSync(FILE, 'utf8')) as { packages: Record<string, LockedPackage> }
const added: string[] = []
for (const owner of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(owner.optionalDependencies ?? {})) {
    const isLocked = Object.keys(lock.packages).some((place) => place.endsWith(`node_modules/${name}`))
    const platform = platformOf(name)
    if (isLocked || !/^\d/.test(version) || (platform.os === undefined && platform.cpu === undefined)) continue
    lock.packages[`node_modules/${name}`] = { version, ...platform, optional: true }
    added.push(`${name}@${version}`)
  }
}
const root = lock.packages['']
const sorted = Object.entries(lock.packages).filter(([place]) => place !== '')
lock.packages = Object.fromEntries([
  ...(root === undefined ? [] : [['', root] as const]),
  ...sorted.toSorted(([a], [b]) => (a < b ? -1 : 1)),
])
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`)
console.log(added.length === 0 ? 'complete already' : `added ${added.join(', ')}`)
