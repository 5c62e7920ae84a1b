// Puts two client libraries, of Kubernetes and of S3, into the only files of dist that import them. Installed, each would be larger
// than everything else together; of both a few requests are used. Part of `npm run build`, after tsc.
import { build } from 'esbuild'
import path from 'node:path'

for (const file of ['reconciler/kubernetes.js', 'archive/s3-sdk.js']) {
  const module = path.resolve(import.meta.dirname, '../dist', file)
  await build({
    entryPoints: [module],
    outfile: module,
    allowOverwrite: true,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    minifyWhitespace: true,
    // Some of their dependencies are CommonJS and require modules of Node.
    banner: { js: "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)" },
    logLevel: 'warning',
  })
}
