import { readFile, readdir } from 'node:fs/promises'
import path from 'node:path'
import { isErrorCode } from '../../../src/contract/errors.ts'

const SOURCES = path.resolve(import.meta.dirname, '../../../src')
/** Errors that only a program which uses the client can meet have a catalogue of their own. */
const CLIENT_ROOMS = ['client', 'cli']
const THROWN = /(?:new InsiError|insiError)\(\s*'(\w+)'/g

test('every code that the server throws is in the catalogue', async () => {
  const unknown: string[] = []
  let count = 0
  for (const name of await readdir(SOURCES, { recursive: true })) {
    if (!name.endsWith('.ts') || CLIENT_ROOMS.some((room) => name.startsWith(`${room}${path.sep}`))) continue
    for (const [, code = ''] of (await readFile(path.join(SOURCES, name), 'utf8')).matchAll(THROWN)) {
      count += 1
      if (!isErrorCode(code)) unknown.push(`${name}: ${code}`)
    }
  }
  expect(unknown).toEqual([])
  expect(count).toBeGreaterThan(50)
})
