import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { openLocation, openSource } from '../../../src/archive/location.ts'
import type { Archive } from '../../../src/archive/archive.ts'
import { eventually } from '../../support/eventually.ts'
import { S3Server } from '../../support/s3-server.ts'

const KEY_ID = 'AKIDTEST'
const SECRET = 'never-to-be-told'
const NAMES = ['20261121T031500Z', '20261122T031500Z', '20261123T031500Z'].map((time) => `insi-0ea36cf1-${time}.insi`)
const VARIABLES = ['AWS_ENDPOINT_URL_S3', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_REGION'] as const

let server: S3Server
const before = Object.fromEntries(VARIABLES.map((name) => [name, process.env[name]]))
beforeEach(async () => {
  server = new S3Server('kept', KEY_ID)
  process.env['AWS_ENDPOINT_URL_S3'] = await server.start()
  process.env['AWS_ACCESS_KEY_ID'] = KEY_ID
  process.env['AWS_SECRET_ACCESS_KEY'] = SECRET
  process.env['AWS_REGION'] = 'us-east-1'
})
afterEach(async () => {
  await server.stop()
  for (const name of VARIABLES) {
    if (before[name] === undefined) delete process.env[name]
    else process.env[name] = before[name]
  }
})

async function archiveOf(place: string): Promise<Archive> {
  const location = await openLocation(place)
  if (location.type !== 'archive') throw new Error('not an archive')
  return location.archive
}

async function write(archive: Archive, name: string, content: Buffer): Promise<void> {
  const writer = await archive.write(name)
  try {
    await pipeline(Readable.from(content), writer.stream)
    await writer.commit()
  } catch (error) {
    await writer.abort()
    throw error
  }
}

test('backups are written, listed page by page, read and removed below their prefix', async () => {
  const archive = await archiveOf('s3://kept/insi/prod')
  for (const name of NAMES) await write(archive, name, Buffer.from(name))
  server.objects.set('insi/prod/other.txt', Buffer.from(''))
  server.objects.set(`insi/prod/deeper/${NAMES[0]}`, Buffer.from(''))
  expect((await archive.list()).map(({ name, sizeBytes }) => [name, sizeBytes])).toEqual(
    NAMES.map((name) => [name, name.length]),
  )
  const newest = await openSource('s3://kept/insi/prod/', null)
  expect([newest.name, String(await buffer(await newest.open()))]).toEqual([NAMES[2], NAMES[2]])
  const one = await openSource(`s3://kept/insi/prod/${NAMES[0]}`, null)
  expect(String(await buffer(await one.open()))).toBe(NAMES[0])
  await archive.remove(NAMES[0] ?? '')
  expect([...server.objects.keys()]).not.toContain(`insi/prod/${NAMES[0]}`)
})

test('a large backup goes in parts, and is there when all of them are', async () => {
  const archive = await archiveOf('s3://kept/')
  const content = randomBytes(40 * 2 ** 20)
  const writer = await archive.write(NAMES[0] ?? '')
  await pipeline(Readable.from(content), writer.stream)
  await writer.commit()
  expect(server.objects.get(NAMES[0] ?? '')?.equals(content)).toBe(true)
  expect(server.uploads.size).toBe(0)
})

test('a failure in the middle is told to who writes, and leaves nothing', async () => {
  server.refusedFromPart = 2
  const archive = await archiveOf('s3://kept/')
  const large = write(archive, NAMES[0] ?? '', randomBytes(64 * 2 ** 20))
  await expect(large).rejects.toThrow('s3://kept/ cannot be written to: access is denied (AccessDenied)')
  expect([server.objects.size, server.uploads.size]).toEqual([0, 0])
})

test('a source that breaks off leaves neither an object nor parts', async () => {
  const archive = await archiveOf('s3://kept/')
  async function* broken(): AsyncGenerator<Buffer> {
    for (let count = 0; count < 40; count++) yield randomBytes(2 ** 20)
    await eventually('parts are there', () => ([...server.uploads.values()][0]?.size === 2 ? true : undefined))
    throw new Error('the node went away')
  }
  const writer = await archive.write(NAMES[0] ?? '')
  await expect(pipeline(broken(), writer.stream)).rejects.toThrow('the node went away')
  await writer.abort()
  expect([server.objects.size, server.uploads.size]).toEqual([0, 0])
})

test('what is wrong is said in a sentence, without a secret', async () => {
  await expect((await archiveOf('s3://missing/')).list()).rejects.toThrow(
    's3://missing/ cannot be read: there is no such bucket',
  )
  await expect(openSource('s3://kept/', null)).rejects.toThrow('s3://kept/ has no backup')
  const none = await openSource(`s3://kept/${NAMES[0]}`, null)
  await expect(none.open()).rejects.toThrow('there is no such backup')
  process.env['AWS_ACCESS_KEY_ID'] = 'AKIDOTHER'
  const denied = (await archiveOf('s3://kept/')).list()
  await expect(denied).rejects.toThrow('access is denied (InvalidAccessKeyId)')
  await expect(denied).rejects.not.toThrow(SECRET)
  process.env['AWS_ACCESS_KEY_ID'] = KEY_ID
  delete process.env['AWS_REGION']
  await expect((await archiveOf('s3://kept/')).list()).rejects.toThrow('set AWS_REGION')
  process.env['AWS_REGION'] = 'us-east-1'
  process.env['AWS_ENDPOINT_URL_S3'] = 'http://127.0.0.1:1'
  await expect((await archiveOf('s3://kept/')).list()).rejects.toThrow('does not answer (ECONNREFUSED)')
  await expect(openLocation('s3:///insi/')).rejects.toThrow('begins with its bucket')
})
