// Joins the compiled files of insic and the YAML parser into dist/bin/insic.js. A call takes hardly longer than its start, and
// a third of the start would go into finding and reading a hundred files. Part of `npm run build`, after tsc.
import { build } from 'esbuild'
import { chmodSync } from 'node:fs'
import path from 'node:path'

const ENTRY = path.resolve(import.meta.dirname, '../dist/bin/insic.js')

await build({
  entryPoints: [ENTRY],
  outfile: ENTRY,
  allowOverwrite: true,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  // Only commands that read streams load the one, only those that name a place on S3 the other.
  external: ['ws', path.resolve(import.meta.dirname, '../dist/archive/s3-sdk.js')],
  // The YAML parser is CommonJS and requires modules of Node.
  banner: { js: "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)" },
  logLevel: 'warning',
})
chmodSync(ENTRY, 0o755)
