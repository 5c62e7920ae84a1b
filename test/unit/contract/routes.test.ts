import { ERRORS, errorEntry, insiError, isErrorCode } from '../../../src/contract/errors.ts'
import { ROUTES } from '../../../src/contract/routes.ts'

test('every route has a name and a method of a path of its own', () => {
  expect(new Set(ROUTES.map((route) => route.name)).size).toBe(ROUTES.length)
  const places = ROUTES.flatMap(({ listener, methods, path }) =>
    methods.map((method) => `${listener} ${method} ${path}`),
  )
  expect(new Set(places).size).toBe(places.length)
})

test('a route that changes something has a POST, and a GET only where clients use it', () => {
  const writesByGet = ROUTES.filter((route) => route.kind === 'write' && route.methods.includes('GET'))
  expect(writesByGet.map((route) => route.name)).toEqual(['alias.set'])
  for (const route of ROUTES.filter((one) => one.kind === 'write')) expect(route.methods).toContain('POST')
})

test('every read of data and administration accepts GET and POST', () => {
  for (const route of ROUTES.filter((one) => one.kind === 'read')) expect(route.methods).toEqual(['GET', 'POST'])
})

test('every route but those for operations, the status page and the description of the API needs a key', () => {
  const open = ['openapi.public', 'page.status']
  for (const route of ROUTES.filter(({ name }) => !open.includes(name)))
    expect([route.name, route.auth === 'none']).toEqual([route.name, route.listener === 'ops'])
})

test('no error that is not a 404 says 404, since clients search messages for it', () => {
  for (const [code, entry] of Object.entries(ERRORS)) {
    if (entry.status !== 404) expect([code, entry.meaning.includes('404')]).toEqual([code, false])
  }
})

test('every error has a hint and a status of a refusal', () => {
  for (const entry of Object.values(ERRORS)) {
    expect(entry.hint.length).toBeGreaterThan(5)
    expect(entry.status).toBeGreaterThanOrEqual(400)
    expect(entry.status).toBeLessThan(600)
  }
})

test('an error without a message has the meaning of its code', () => {
  const error = insiError('NO_LEADER')
  expect(error.message).toBe(errorEntry('NO_LEADER').meaning)
  expect(error.code).toBe('NO_LEADER')
  expect(isErrorCode('NO_LEADER')).toBe(true)
  expect(isErrorCode('toString')).toBe(false)
})
