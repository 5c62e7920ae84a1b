// Puts the Kubernetes client library into dist/reconciler/kubernetes.js, the only file that imports it. Installed, it would be
// larger than everything else together; of it the reconciler needs a few requests. Part of `npm run build`, after tsc.
import { build } from 'esbuild'
import path from 'node:path'

const MODULE = path.resolve(import.meta.dirname, '../dist/reconciler/kubernetes.js')

await build({
  entryPoints: [MODULE],
  outfile: MODULE,
  allowOverwrite: true,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  minifyWhitespace: true,
  // Some of its dependencies are CommonJS and require modules of Node.
  banner: { js: "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)" },
  logLevel: 'warning',
})
