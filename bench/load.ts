// The load generator: wrk where it is installed, autocannon otherwise; the same one for every target of a run.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

export interface LoadRequest {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  /** `%KEY%` in the path or the body is replaced by a key number in [0, keyCount); `%KEY64%` by the base64 of `key<number>`. */
  readonly body: string | null
  readonly keyCount: number
}

export interface LoadResult {
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers with a status outside 2xx, and socket errors. */
  readonly errors: number
}

export const loadGenerator: 'wrk' | 'autocannon' =
  spawnSync('wrk', ['--version']).error === undefined ? 'wrk' : 'autocannon'

/** Loads one URL over `connections` connections for `seconds`. */
export async function load(request: LoadRequest, connections: number, seconds: number): Promise<LoadResult> {
  return loadGenerator === 'wrk' ? wrk(request, connections, seconds) : autocannon(request, connections, seconds)
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`
}

function wrkScript(request: LoadRequest): string {
  const { pathname, search } = new URL(request.url)
  const headers = Object.entries(request.headers).map(([name, value]) => `[${quote(name)}]=${quote(value)}`)
  return `
local base64chars = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
local function base64(text)
  local out = {}
  for at = 1, #text, 3 do
    local a, b, c = text:byte(at, at + 2)
    local bits = a * 65536 + (b or 0) * 256 + (c or 0)
    for place = 3, 0, -1 do
      local sextet = math.floor(bits / 64 ^ place) % 64
      local empty = (place == 0 and not c) or (place == 1 and not b)
      out[#out + 1] = empty and '=' or base64chars:sub(sextet + 1, sextet + 1)
    end
  end
  return table.concat(out)
end
local path, body = ${quote(pathname + search)}, ${request.body === null ? 'nil' : quote(request.body)}
local headers = {${headers.join(', ')}}
local failures = 0
local made = {}
for number = 0, ${request.keyCount - 1} do
  local function fill(text)
    if not text then return nil end
    return (text:gsub('%%KEY64%%', function() return base64('key' .. number) end):gsub('%%KEY%%', tostring(number)))
  end
  made[#made + 1] = { fill(path), fill(body) }
end
local texts = nil
local threads = {}
function setup(thread) threads[#threads + 1] = thread; thread:set('seed', #threads) end
function init()
  math.randomseed(seed)
  texts = {}
  for at, one in ipairs(made) do texts[at] = wrk.format(${quote(request.method)}, one[1], headers, one[2]) end
end
function request() return texts[math.random(#texts)] end
function response(status) if status < 200 or status > 299 then failures = failures + 1 end end
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('RESULT %d %d %f %f %d\\n', summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
`
}

async function wrk(request: LoadRequest, connections: number, seconds: number): Promise<LoadResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'insi-bench-'))
  try {
    const script = path.join(folder, 'load.lua')
    // Without response() wrk need not parse bodies in Lua; its own summary counts statuses above 399.
    writeFileSync(script, wrkScript(request).replace(/^function response.*$/m, ''))
    const output = await run('wrk', [
      '-t1',
      `-c${connections}`,
      `-d${seconds}s`,
      '--timeout',
      '10s',
      '-s',
      script,
      new URL(request.url).origin,
    ])
    const match = /RESULT (\d+) (\d+) ([\d.]+) ([\d.]+) (\d+)/.exec(output)
    if (match === null) throw new Error(`wrk printed no result:\n${output}`)
    const [, requests, durationMicros, p50Micros, p99Micros, errors] = match.map(Number)
    return {
      requestsPerSecond: ((requests ?? 0) / (durationMicros ?? 1)) * 1e6,
      p50Ms: (p50Micros ?? 0) / 1000,
      p99Ms: (p99Micros ?? 0) / 1000,
      errors: errors ?? 0,
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0 ? resolve(output) : reject(new Error(`${command} ended with ${code}:\n${output}`)),
    )
  })
}

async function autocannon(request: LoadRequest, connections: number, seconds: number): Promise<LoadResult> {
  const { default: cannon } = await import('autocannon')
  const requests = Array.from({ length: request.keyCount }, (_, number) => {
    const fill = (text: string): string =>
      text.replaceAll('%KEY64%', Buffer.from(`key${number}`).toString('base64')).replaceAll('%KEY%', String(number))
    const { pathname, search } = new URL(request.url)
    return {
      method: request.method,
      path: fill(pathname + search),
      headers: request.headers,
      ...(request.body === null ? {} : { body: fill(request.body) }),
    }
  })
  const result = await cannon({ url: new URL(request.url).origin, connections, duration: seconds, requests })
  return {
    requestsPerSecond: result.requests.average,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    errors: result.non2xx + result.errors,
  }
}
