#!/usr/bin/env node
// The process of insi-reconciler: hands its words to reconciler/main.ts and ends with the exit code.
const { main } = await import('./reconciler/main.ts')
process.exit(await main(process.argv.slice(2)))
