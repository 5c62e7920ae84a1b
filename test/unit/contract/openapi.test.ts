// The OpenAPI description is valid, says all that the table of routes says, and is served without a key.
import { Validator } from '@seriousme/openapi-schema-validator'
import { ERRORS } from '../../../src/contract/errors.ts'
import { openApiOf } from '../../../src/contract/openapi.ts'
import { ROUTES } from '../../../src/contract/routes.ts'
import { HttpNode } from '../../support/http-node.ts'

interface Operation {
  readonly operationId: string
  readonly parameters: readonly { readonly name: string; readonly required?: boolean }[]
  readonly requestBody?: {
    readonly content: {
      readonly 'application/json': {
        readonly schema: { readonly properties: object; readonly required?: readonly string[] }
      }
    }
  }
  readonly responses: Readonly<Record<string, unknown>>
}
interface Response {
  readonly content?: Readonly<Record<string, { readonly schema?: object }>>
}
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>

const document = openApiOf(ROUTES, { version: '1.2.3' })
const paths = document['paths'] as unknown as Paths

test('it is valid OpenAPI 3.1', async () => {
  const validator = new Validator()
  expect(await validator.validate(structuredClone(document) as Record<string, unknown>)).toEqual({ valid: true })
  expect(validator.version).toBe('3.1')
})

test('every route is there with its methods, fields, answer and errors', () => {
  for (const route of ROUTES) {
    for (const method of route.methods) {
      const operation = paths[route.path]?.[method.toLowerCase()]
      const body = operation?.requestBody?.content['application/json'].schema
      const names = route.fields.map((field) => field.name)
      if (method === 'GET') expect(operation?.parameters.map(({ name }) => name)).toEqual(expect.arrayContaining(names))
      if (method === 'POST' && names.length > 0) {
        expect(Object.keys(body?.properties ?? {})).toEqual(names)
        expect(body?.required ?? []).toEqual(route.fields.flatMap((field) => (field.required ? [field.name] : [])))
      }
      expect(Object.keys(operation?.responses ?? {})).toContain(String(route.success.status))
      for (const code of route.errors) {
        expect(JSON.stringify(operation?.responses[String(ERRORS[code].status)])).toContain(`"${code}"`)
      }
    }
  }
})

test('every JSON answer has a schema that leaves room for more members', () => {
  let schemas = 0
  for (const operation of Object.values(paths).flatMap((path) => Object.values(path))) {
    const json = (operation.responses['200'] as Response | undefined)?.content?.['application/json']
    if (json === undefined) continue
    schemas += 1
    expect(Object.keys(json.schema ?? {})).not.toEqual([])
    expect(JSON.stringify(json)).not.toContain('additionalProperties')
  }
  expect(schemas).toBeGreaterThan(40)
  const answer = paths['/db/api/v1/get']?.['get']?.responses['200'] as Response | undefined
  const { schema } = answer?.content?.['application/json'] ?? {}
  expect(schema).toMatchObject({
    type: 'object',
    required: ['data'],
    properties: { data: { type: 'string' }, revision: { type: 'integer', minimum: 0 } },
  })
})

test('operations have ids of their own', () => {
  const ids = Object.values(paths).flatMap((path) => Object.values(path).map(({ operationId }) => operationId))
  expect(new Set(ids).size).toBe(ids.length)
})

test('both listeners serve it without a key, the public one without the routes of others', async () => {
  const node = await HttpNode.start()
  try {
    const pathsAt = async (listener: 'public' | 'private'): Promise<string[]> => {
      const answer = await node.call(listener, '/openapi.json')
      expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/json'])
      return Object.keys((answer.json() as { readonly paths: Paths }).paths)
    }
    expect(new Set(await pathsAt('private'))).toEqual(new Set(ROUTES.map(({ path }) => path)))
    const publicPaths = ROUTES.filter(({ listener }) => listener === 'public').map(({ path }) => path)
    expect(new Set(await pathsAt('public'))).toEqual(new Set(publicPaths))
  } finally {
    await node.stop()
  }
})
