// How commands fail: the lines that scripts look for, the diagnostics before them, and exit codes.
import { ScriptedServer, apiError, closedPort } from '../client/scripted-server.ts'
import type { ScriptedAnswer } from '../client/scripted-server.ts'
import { TIME, run } from './run.ts'

const CONFLICT_TEXT = 'operation failed due to a conflict (e.g., key exists for blob, setnx, or cas failed)'

let server: ScriptedServer

beforeAll(async () => {
  server = await ScriptedServer.start()
})
afterAll(async () => server.stop())

function environment(): Record<string, string> {
  return { INSI_PUBLIC_ADDRESS: server.address, INSI_API_KEY: 'insi_key', INSI_INSTANCE_SECRET: 'secret' }
}

/** The diagnostic of an error of the API. */
function logLine(message: string, error: string, hint: string): string {
  const field = (text: string): string => (/[\s"=]/.test(text) ? JSON.stringify(text) : text)
  return `${TIME} level=ERROR msg="${message}" error=${field(error)} hint=${field(hint)} request_id=req-1\n`
}

interface Failure {
  readonly name: string
  readonly words: readonly string[]
  readonly answer: ScriptedAnswer
  readonly stderr: string
  readonly stdout?: string
}

const LIMITED = { 'retry-after': '2', 'x-ratelimit-limit': '5', 'x-ratelimit-burst': '7' }

const FAILURES: readonly Failure[] = [
  {
    name: 'get of a missing key',
    words: ['get', 'k'],
    answer: apiError('KEY_NOT_FOUND'),
    stderr: "Error: Key 'k' not found.\n",
  },
  {
    name: 'cache get of a missing key',
    words: ['cache', 'get', 'k'],
    answer: apiError('KEY_NOT_FOUND'),
    stderr: "Error: Key 'k' not found in cache.\n",
  },
  {
    name: 'setnx of a key that exists',
    words: ['setnx', 'k', 'v'],
    answer: apiError('KEY_EXISTS'),
    stderr: `${TIME} level=WARN msg="Key already exists" error="${CONFLICT_TEXT}" hint="Use set to replace, or cas to replace a known value."\nConflict: Key 'k' already exists.\n`,
  },
  {
    name: 'cas of another value',
    words: ['cas', 'k', 'a', 'b'],
    answer: apiError('CAS_MISMATCH'),
    stderr: "Conflict: Compare-and-swap failed for key 'k'. The current value does not match the expected old value.\n",
  },
  {
    name: 'cas of a missing key',
    words: ['cas', 'k', 'a', 'b'],
    answer: apiError('CAS_KEY_MISSING'),
    stderr: "Conflict: Compare-and-swap failed for key 'k'. The current value does not match the expected old value.\n",
  },
  {
    name: 'cache setnx of a key that exists',
    words: ['cache', 'setnx', 'k', 'v'],
    answer: apiError('KEY_EXISTS'),
    stderr: "Conflict: Key 'k' already exists in cache.\n",
  },
  {
    name: 'cache cas of another value',
    words: ['cache', 'cas', 'k', 'a', 'b'],
    answer: apiError('CAS_MISMATCH'),
    stderr: "Precondition Failed: Cache compare-and-swap failed for key 'k'.\n",
  },
  {
    name: 'set over the disk limit',
    words: ['set', 'k', 'v'],
    answer: apiError('DISK_LIMIT_EXCEEDED', { headers: { 'x-current-disk-usage': '99', 'x-disk-usage-limit': '100' } }),
    stderr: `${logLine('Set failed', 'disk limit exceeded: Disk usage limit exceeded. Current: 99, Limit: 100', 'Delete values, or ask for a higher limit.')}Error: disk limit exceeded: Disk usage limit exceeded. Current: 99, Limit: 100\n`,
  },
  {
    name: 'cache set over the memory limit',
    words: ['cache', 'set', 'k', 'v'],
    answer: apiError('MEMORY_LIMIT_EXCEEDED', {
      headers: { 'x-current-memory-usage': '9', 'x-memory-usage-limit': '10' },
    }),
    stderr: `${logLine('Cache set failed', 'memory limit exceeded: Memory usage limit exceeded. Current: 9, Limit: 10', 'Delete cache entries, or ask for a higher limit.')}Error: memory limit exceeded: Memory usage limit exceeded. Current: 9, Limit: 10\n`,
  },
  {
    name: 'a rate limit',
    words: ['get', 'k'],
    answer: apiError('RATE_LIMITED', { headers: LIMITED }),
    stderr: `${logLine('Get failed', 'rate limited: Too Many Requests. Try again in 2s. (Limit: 5, Burst: 7)', 'Wait for the seconds that Retry-After says.')}Error: rate limited: Too Many Requests. Try again in 2s. (Limit: 5, Burst: 7)\n`,
  },
  {
    name: 'a key that does not exist',
    words: ['ping'],
    answer: apiError('AUTHENTICATION_FAILED'),
    stderr: `${logLine('Ping failed', 'server error (status 401): AUTHENTICATION_FAILED - Authentication failed. Invalid or missing API key.', 'INSI_API_KEY is not a key of this cluster, or no longer')}Error: server error (status 401): AUTHENTICATION_FAILED - Authentication failed. Invalid or missing API key.\n`,
  },
  {
    name: 'an alias of an alias',
    words: ['alias', 'add'],
    answer: apiError('ALIAS_OF_ALIAS'),
    stderr: `${logLine('Alias creation failed', 'server error (status 400): ALIAS_OF_ALIAS - Cannot create an alias from an alias key', 'Use the parent key.')}Error: server error (status 400): ALIAS_OF_ALIAS - Cannot create an alias from an alias key\n`,
  },
  {
    name: 'limits of a deleted key',
    words: ['--root', 'api', 'limits', 'insi_gone'],
    answer: apiError('API_KEY_NOT_FOUND'),
    stderr: `${logLine('Getting limits failed', 'api key not found', 'List the existing keys with admin/insight/entities.')}Error: api key not found\n`,
  },
  {
    name: 'api verify of a key that does not exist',
    words: ['api', 'verify', 'insi_gone'],
    answer: apiError('AUTHENTICATION_FAILED'),
    stderr: `${TIME} level=INFO msg="Verifying API key" key=insi_gone\n${TIME} level=ERROR msg="API key verification failed" error="server error (status 401): AUTHENTICATION_FAILED - Authentication failed. Invalid or missing API key."\nError: API key verification failed. Ping error: server error (status 401): AUTHENTICATION_FAILED - Authentication failed. Invalid or missing API key.\n`,
    stdout: 'Verification FAILED\n',
  },
]

describe.each(FAILURES.map((failure) => [failure.name, failure] as const))('%s', (_name, failure) => {
  test('prints what scripts look for and exits 1', async () => {
    server.script = () => failure.answer
    const { stdout = '', stderr } = failure
    expect(await run(failure.words, environment())).toEqual({ code: 1, stdout, stderr })
  })

  test('is one JSON object on stderr with -o json', async () => {
    server.script = () => failure.answer
    const ran = await run(['-o', 'json', ...failure.words], environment())
    expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 1, stdout: '' })
    expect(JSON.parse(ran.stderr)).toMatchObject({ error_type: expect.stringMatching(/^[A-Z_]+$/) as unknown })
  })
})

test('an error in JSON says all that is known', async () => {
  server.script = () => apiError('RATE_LIMITED', { headers: LIMITED })
  const { stderr } = await run(['-o', 'json', 'get', 'k'], environment())
  expect(JSON.parse(stderr)).toEqual({
    error_type: 'RATE_LIMITED',
    message: 'Too Many Requests',
    hint: 'Wait for the seconds that Retry-After says.',
    status: 429,
    request_id: 'req-1',
    retry_after_ms: 2000,
  })
})

test.each([
  [
    '502 of a proxy',
    { status: 502, text: 'Bad Gateway\n' },
    /^server returned status 502 for POST http:\/\/[^ ]+\/set: Bad Gateway$/,
  ],
  [
    '404 of another program',
    { status: 404, text: 'nope\n' },
    /^endpoint not found \(404\) at http:\/\/[^ ]+\/set: nope$/,
  ],
  ['400 of another program', { status: 400, text: 'what?' }, /^server returned status 400 Bad Request: what\?$/],
  ['a page', { status: 200, text: '<html>' }, /is not JSON: the address may belong to another program$/],
  [
    'a redirect',
    { status: 307, headers: { location: '/x' }, text: '' },
    /^request redirected with status 307 but redirects are disabled in direct connection mode$/,
  ],
])('%s is told as such', async (_name, answer, text) => {
  server.script = () => answer
  const ran = await run(['set', 'k', 'v'], environment())
  expect(ran.code).toBe(1)
  expect(ran.stderr.trimEnd().split('\n').at(-1)?.replace('Error: ', '')).toMatch(text)
})

test('nobody listening is told with address and cause, and which scheme was tried', async () => {
  const address = `127.0.0.1:${await closedPort()}`
  const ran = await run(['set', 'k', 'v'], { INSI_PUBLIC_ADDRESS: address, INSI_API_KEY: 'insi_key' })
  expect(ran.code).toBe(1)
  expect(ran.stderr).toContain(
    `hint="the address has no scheme, so plain HTTP was tried; for a server with TLS write https://${address}"`,
  )
  expect(ran.stderr).toContain(`Error: http request POST http://${address}/db/api/v1/set failed: connect ECONNREFUSED`)
})

test.each([
  ['a fraction', ['bump', 'k', '1.5'], 'Error: Value must be an integer: not a decimal integer\n'],
  [
    'more than 64 bits',
    ['bump', 'k', '9223372036854775808'],
    'Error: Value must be an integer: it does not fit into 64 bits\n',
  ],
  ['an offset', ['iterate', 'prefix', 'a', 'x'], "Error: Invalid offset 'x': not an integer\n"],
  ['a limit', ['cache', 'iterate', 'prefix', 'a', '0', ''], "Error: Invalid limit '': not an integer\n"],
  [
    'an offset of entities',
    ['--root', 'admin', 'insight', 'entities', 'x'],
    "Error: Invalid offset 'x': not an integer\n",
  ],
  ['an empty key', ['get', ''], 'Error: key cannot be empty\n'],
  ['an empty prefix', ['iterate', 'prefix', ''], "Error: prefix cannot be empty: '*' lists all keys\n"],
])('%s that makes no sense is refused before anything is sent', async (_name, words, line) => {
  server.requests.length = 0
  const ran = await run(words, environment())
  expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 1, stdout: '' })
  expect(ran.stderr.endsWith(line)).toBe(true)
  expect(server.requests).toEqual([])
})

test.each([
  [['api', 'add', 'x'], 'api add'],
  [['api', 'delete', 'x'], 'api delete'],
  [['api', 'limits', 'x'], 'api limits <key_value>'],
  [['api', 'set-limits', 'x'], 'api set-limits'],
  [['admin', 'ops'], 'admin ops'],
  [['admin', 'insight', 'entities'], 'admin insight'],
])('%j without --root says so and sends nothing', async (words, name) => {
  server.requests.length = 0
  expect(await run(words, environment())).toEqual({
    code: 1,
    stdout: '',
    stderr: `Error: ${name} requires --root flag.\n`,
  })
  expect(server.requests).toEqual([])
})
