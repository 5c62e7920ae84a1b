#!/usr/bin/env node
// The process of insic: hands its words, streams and signals to src/cli, and ends with the exit code.
import { enableCompileCache } from 'node:module'

// Run from source, half of the time would go into stripping types. The cache lies in the checkout: whoever may change it may
// change the source as well. Compiled files gain nothing from it.
if (import.meta.filename.endsWith('.ts')) enableCompileCache(`${import.meta.dirname}/../../node_modules/.cache/insic`)

const { mayColour, processEnvironment } = await import('../config/environment.ts')
const { runCli } = await import('../cli/main.ts')

const environment = processEnvironment()

function interruption(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort())
  return controller.signal
}

async function readText(): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

async function readLine(): Promise<string | undefined> {
  const { createInterface } = await import('node:readline')
  const lines = createInterface({ input: process.stdin })
  try {
    for await (const line of lines) return line
    return undefined
  } finally {
    lines.close()
    process.stdin.destroy()
  }
}

// A reader that has seen enough, such as `head`, is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

process.exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  input: {
    get isTerminal() {
      return process.stdin.isTTY
    },
    readText,
    readLine,
  },
  isColoured: mayColour(environment, process.stdout),
  environment,
  interruption,
})
