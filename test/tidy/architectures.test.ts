// What an image for another architecture takes: a prebuilt addon of every package that has one, and a Dockerfile that runs nothing on
// the architecture of the image.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'

const ROOT = path.resolve(import.meta.dirname, '../..')
/** Node's names, and what an ELF file says of itself (e_machine). */
const ARCHITECTURES = [
  { cpu: 'x64', machine: 62 },
  { cpu: 'arm64', machine: 183 },
] as const
const MACHINE_OFFSET = 18

interface Package {
  readonly version: string
  readonly dev?: true
  readonly hasInstallScript?: true
  readonly cpu?: readonly string[]
  readonly os?: readonly string[]
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const lock = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, Package>>
}
const production = Object.entries(lock.packages).filter(([place, { dev }]) => place !== '' && dev !== true)

/** Shared libraries for glibc in `folder`, by their ELF machine. */
function glibcAddons(folder: string): number[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith('.node') && !name.includes('musl'))
    .map((name) => readFileSync(path.join(folder, name)).readUInt16LE(MACHINE_OFFSET))
}

/** The packages of addons for one platform each that `place` brings along. */
function platformPackages({ optionalDependencies = {} }: Package): Package[] {
  return Object.keys(optionalDependencies).flatMap((name) => lock.packages[`node_modules/${name}`] ?? [])
}

describe.each(ARCHITECTURES)('an image for $cpu', ({ cpu, machine }) => {
  test('has every native addon prebuilt, since no install script runs', () => {
    const native = production.filter(([, { hasInstallScript }]) => hasInstallScript === true)
    expect(native.map(([place]) => place)).toContain('node_modules/classic-level')
    const missing = native.filter(([place, about]) => {
      const own = glibcAddons(path.join(ROOT, place, 'prebuilds', `linux-${cpu}`))
      const others = platformPackages(about).filter(({ os, cpu: cpus }) => os?.[0] === 'linux' && cpus?.[0] === cpu)
      return !own.includes(machine) && others.length === 0
    })
    expect(missing).toEqual([])
  })
})

test('nothing but those packages brings native addons', () => {
  const withAddons = production.filter(([place, { hasInstallScript, cpu }]) => {
    const folder = path.join(ROOT, place)
    if (hasInstallScript === true || cpu !== undefined || !existsSync(folder)) return false
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).some((name) => name.endsWith('.node'))
  })
  expect(withAddons.map(([place]) => place)).toEqual([])
})

describe('the Dockerfile', () => {
  const lines = readFileSync(path.join(ROOT, 'Dockerfile'), 'utf8').split('\n')
  const code = lines.filter((line) => !line.startsWith('#'))

  test('names an architecture only where Docker and Node have different names for it', () => {
    const named = code.filter((line) => /amd64|x64|x86|arm|aarch/i.test(line))
    expect(named).toEqual([expect.stringContaining('if [ "$cpu" = amd64 ]; then cpu=x64; fi')])
  })

  test('runs nothing in its last stage, and builds all others on the machine’s own architecture', () => {
    const stages = code
      .join('\n')
      .split(/^FROM /m)
      .slice(1)
    expect(stages.at(-1)).not.toMatch(/^RUN /m)
    for (const stage of stages.slice(0, -1)) expect(stage).toMatch(/^--platform=\$\{BUILDPLATFORM:-linux\} /)
  })
})
