// What a log line looks like, and what it never contains.
import { createLog } from '../../../src/logging/pino-log.ts'
import type { AdjustableLog } from '../../../src/base/log.ts'
import type { LogOptions } from '../../../src/logging/pino-log.ts'

const SECRET = 'the-instance-secret-of-this-test'

async function capture(options: Partial<LogOptions> = {}): Promise<{ log: AdjustableLog; lines: string[] }> {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const log = await createLog({
    level: 'info',
    format: 'json',
    colour: false,
    secrets: [SECRET],
    destination,
    ...options,
  })
  return { log, lines }
}

const last = (lines: readonly string[]): Record<string, unknown> =>
  JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown>

test('a line is one JSON object with time, level, fields and message', async () => {
  const { log, lines } = await capture()
  log.child({ node: 'node1' }).info({ index: 7, size: 9n, bytes: Buffer.from('abc') }, 'entry applied')
  expect(lines).toHaveLength(1)
  expect(lines[0]?.endsWith('\n')).toBe(true)
  expect(last(lines)).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    node: 'node1',
    index: 7,
    size: '9',
    bytes: '[3 bytes]',
    msg: 'entry applied',
  })
})

test('the level holds for children and can be changed while the log is in use', async () => {
  const { log, lines } = await capture({ level: 'warn' })
  const child = log.child({ node: 'a' })
  child.info({}, 'not shown')
  expect(lines).toHaveLength(0)
  log.setLevel('debug')
  child.debug({}, 'shown')
  expect(last(lines)).toMatchObject({ level: 'debug', msg: 'shown' })
  log.setLevel('error')
  child.warn({}, 'not shown')
  expect(lines).toHaveLength(1)
})

test.each<[string, Record<string, unknown>]>([
  [
    'a field with a telling name',
    { token: 'opaque', nested: { Authorization: 'opaque', list: [{ apiKey: 'opaque' }] } },
  ],
  ['a header', { headers: { authorization: 'Bearer opaque', 'set-cookie': ['opaque'] } }],
  ['a secret object', { clientSecret: { value: 'opaque' }, instance_secret: Buffer.from('opaque') }],
])('%s is redacted', async (_name, fields) => {
  const { log, lines } = await capture()
  log.info(fields, 'request')
  expect(lines.join('')).toContain('[redacted]')
  expect(lines.join('')).not.toContain('opaque')
})

test('a token, a credential and a known secret are redacted wherever they stand', async () => {
  const { log, lines } = await capture()
  const token = 'insi_0123456789abcdefABCDEF'
  log.child({ detail: `with ${SECRET}` }).warn({ detail2: `key ${token} was used`, list: [SECRET] }, `refused ${token}`)
  log.error({ reason: new Error(`Bearer ${token} ${SECRET}`, { cause: new Error(SECRET) }) }, 'failed')
  expect(lines).toHaveLength(2)
  expect(lines.join('')).not.toMatch(/0123456789abcdef|the-instance-secret/)
})

test('numbers and short words beside them stay', async () => {
  const { log, lines } = await capture({ secrets: ['a'] })
  log.info({ tokenCount: 4, cachedToken: 3, key: 'user:1', node: 'a' }, 'a message')
  expect(last(lines)).toMatchObject({ tokenCount: 4, cachedToken: 3, key: 'user:1', node: 'a', msg: 'a message' })
})

test('an error keeps its name, message, code and cause; what contains itself ends', async () => {
  const { log, lines } = await capture()
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  const error = Object.assign(new Error('outer', { cause: new TypeError('inner') }), { code: 'EIO' })
  log.error({ error, cycle }, 'failed')
  expect(last(lines)['error']).toMatchObject({
    name: 'Error',
    message: 'outer',
    code: 'EIO',
    stack: expect.stringContaining('pino-log.test.ts'),
    cause: { name: 'TypeError', message: 'inner' },
  })
})

test('pretty lines are text for people, coloured on request', async () => {
  const plain = await capture({ format: 'pretty' })
  plain.log.info({ node: 'a' }, 'listening')
  expect(plain.lines.join('')).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: listening \{"node":"a"\}\n$/)
  const coloured = await capture({ format: 'pretty', colour: true })
  coloured.log.error({}, 'failed')
  expect(coloured.lines.join('')).toContain('\u001B[3')
})
