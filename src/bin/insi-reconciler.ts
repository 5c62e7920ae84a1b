#!/usr/bin/env node
// The process of insi-reconciler: hands its words to reconciler/main.ts and ends with the exit code.
import { enableCompileCache } from 'node:module'

// Run from source, much of the start would go into stripping types: see insic.ts.
if (import.meta.filename.endsWith('.ts')) {
  enableCompileCache(`${import.meta.dirname}/../../node_modules/.cache/insi-reconciler`)
}

const { main } = await import('./reconciler/main.ts')
process.exit(await main(process.argv.slice(2)))
