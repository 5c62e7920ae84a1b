// The load of these suites must notice a lost write: here a server loses some.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AcknowledgedWriter } from '../../support/acknowledged-writer.ts'
import { eventually } from '../../support/eventually.ts'

test('a server that acknowledges a write and forgets it is found out', async () => {
  const values = new Map<string, string>()
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      if (request.method === 'POST') {
        const { key, value } = JSON.parse(Buffer.concat(chunks).toString()) as { key: string; value: string }
        if (key !== 'load-0-7') values.set(key, key === 'load-1-3' ? 'another' : value)
        response.end()
        return
      }
      const data = values.get(new URL(request.url ?? '', 'http://server').searchParams.get('key') ?? '')
      response.writeHead(data === undefined ? 404 : 200).end(JSON.stringify({ data }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const target = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const writer = new AcknowledgedWriter([target], 'key', 2)
  await eventually('both losses happened', () => (values.has('load-0-8') && values.has('load-1-4') ? true : undefined))
  await writer.stop()
  expect((await writer.lost([target])).toSorted()).toEqual(['load-0-7', 'load-1-3'])
  server.closeAllConnections()
  server.close()
})
