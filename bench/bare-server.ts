// The floor that Insi's HTTP is compared with: node:http, exact paths, a body read with data/end events, a Map.
import { createServer } from 'node:http'

const values = new Map<string, string>()

createServer((request, response) => {
  const url = request.url ?? ''
  if (url.startsWith('/db/api/v1/get?key=')) {
    const body = JSON.stringify({ data: values.get(url.slice(19)) ?? '' })
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }).end(body)
    return
  }
  if (url === '/db/api/v1/set') {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { key, value } = JSON.parse(Buffer.concat(chunks).toString()) as { key: string; value: string }
      values.set(key, value)
      response.writeHead(200, { 'Content-Length': 0 }).end()
    })
    return
  }
  response.writeHead(200, { 'Content-Length': 2 }).end('ok')
}).listen(Number(process.argv[2]), '127.0.0.1')
