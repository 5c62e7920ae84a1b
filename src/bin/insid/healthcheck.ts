// `insid healthcheck`: asks a node of this machine whether it lives or is ready, for containers that have no curl.
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { messageOf } from '../../base/errors.ts'
import type { Address } from '../../config/address.ts'
import { dialledAddress, formatAddress } from '../../config/address.ts'
import type { Config, NodeConfig } from '../../config/config.ts'

const TIMEOUT_MS = 3_000
const BODY_CHARS_MAX = 2_000

export interface HealthcheckOptions {
  readonly config: Config
  readonly nodeId: string
  readonly node: NodeConfig
  /** /readyz instead of /livez. */
  readonly ready: boolean
}

/** Prints what the node says. Returns the exit code: 0 for a status of 200. */
export async function healthcheck({ config, nodeId, node, ready }: HealthcheckOptions): Promise<number> {
  const isPrivate = node.opsBinding === null
  const isTls = isPrivate && (config.tls !== null || config.serverMustUseTls)
  const address = dialledAddress(node.opsBinding ?? node.privateBinding, null)
  const url = `${isTls ? 'https' : 'http'}://${formatAddress(address)}/${ready ? 'readyz' : 'livez'}`
  try {
    const { status, body } = await get(url, address, isTls)
    const hint = status === 403 && isPrivate ? ' Add this machine to permittedIPs, or give the node an opsBinding.' : ''
    process.stdout.write(`${nodeId} ${url}: ${status} ${body.trim()}${hint}\n`)
    return status === 200 ? 0 : 1
  } catch (error) {
    process.stderr.write(`${nodeId} ${url}: ${messageOf(error)}\n`)
    return 1
  }
}

function get(url: string, address: Address, isTls: boolean): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const options = { timeout: TIMEOUT_MS, signal: AbortSignal.timeout(TIMEOUT_MS), agent: false }
    // The certificate names what clients call the node, not the address of this machine; no secret is sent.
    const request = isTls
      ? requestHttps(url, { ...options, rejectUnauthorized: false })
      : requestHttp(url, { ...options, host: address.host })
    request.on('error', reject)
    request.on('response', (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        body = (body + chunk).slice(0, BODY_CHARS_MAX)
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
      response.on('error', reject)
    })
    request.end()
  })
}
