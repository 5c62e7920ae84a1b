#!/usr/bin/env node
// The server. Only the runtime's version is checked here, before anything that needs it is loaded.
const NODE_VERSION_MIN = '22.22'

function isOlder(version: string, minimum: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [majorMin = 0, minorMin = 0] = minimum.split('.').map(Number)
  return major < majorMin || (major === majorMin && minor < minorMin)
}

if (isOlder(process.versions.node, NODE_VERSION_MIN)) {
  process.stderr.write(
    `insid needs Node.js ${NODE_VERSION_MIN} or newer; this is ${process.versions.node} (${process.execPath}).\n` +
      'Install a current Node.js from https://nodejs.org, or use the container image.\n',
  )
  process.exit(1)
}

// Run from source, a quarter of the start would go into stripping types: see insic.ts.
if (import.meta.filename.endsWith('.ts')) {
  const { enableCompileCache } = await import('node:module')
  enableCompileCache(`${import.meta.dirname}/../../node_modules/.cache/insid`)
}

// Whoever stops the server while it is loading has stopped it; once a node runs, signals.ts takes over.
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0))

const { main } = await import('./insid/main.ts')
process.exit(await main(process.argv.slice(2)))
