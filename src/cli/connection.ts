// From flags and environment to a client. Direct mode talks to one address; config mode to the nodes of cluster.yaml.
import { HttpClient } from '../client/http.ts'
import type { ClientOptions, EndpointOptions } from '../client/options.ts'
import { isLoopbackHost } from '../config/address.ts'
import type { Environment } from '../config/overrides.ts'
import type { ClusterFile } from './cluster-file.ts'
import { CommandFailure, StartFailure } from './command.ts'
import type { Access } from './command.ts'
import { CONFIG_PATH_DEFAULT } from './global-flags.ts'
import type { GlobalOptions } from './global-flags.ts'

const CONFIG_CLIENT_FAILED = 'Failed to initialize API client from config'
const DIRECT_CLIENT_FAILED = 'Failed to initialize API client without config'

/** A person waits: a few tries within an election, and a rate limit is an answer, not something to sit out. */
const RETRY = { roundsMax: 5, backoffMinMs: 100, backoffMaxMs: 800, retryAfterMaxMs: 0 }
const TOTAL_TIMEOUT_MS = 10_000

/** Where clients connect, before it is known with which key. */
export class Connection {
  readonly #globals: GlobalOptions
  readonly #environment: Environment
  readonly #onServerTiming: ClientOptions['onServerTiming']
  #file: ClusterFile | undefined

  /** `onServerTiming`: see ClientOptions. Throws CommandFailure when the flags contradict each other. */
  constructor(globals: GlobalOptions, environment: Environment, onServerTiming?: ClientOptions['onServerTiming']) {
    this.#onServerTiming = onServerTiming
    this.#globals = globals
    this.#environment = environment
    if (this.#isDirect() && globals.configPath !== CONFIG_PATH_DEFAULT) {
      throw new CommandFailure([
        'Error: Cannot use --config flag with --public/--private or INSI_PUBLIC_ADDRESS/INSI_PRIVATE_ADDRESS',
      ])
    }
  }

  /** The client that a command with this access works with. Throws StartFailure. */
  async client(access: Access): Promise<HttpClient> {
    return this.clientWithKey(await this.#apiKey(access))
  }

  /** A client with any key. Throws StartFailure. */
  async clientWithKey(apiKey: string): Promise<HttpClient> {
    const isDirect = this.#isDirect()
    const place = isDirect ? this.#directPlace() : await this.#configuredPlace()
    try {
      return new HttpClient({
        ...place,
        apiKey,
        retry: RETRY,
        totalTimeoutMs: TOTAL_TIMEOUT_MS,
        ...(this.#onServerTiming === undefined ? {} : { onServerTiming: this.#onServerTiming }),
        ...(this.#globals.consistency === undefined ? {} : { consistency: this.#globals.consistency }),
      })
    } catch (error) {
      throw new StartFailure(isDirect ? DIRECT_CLIENT_FAILED : CONFIG_CLIENT_FAILED, (error as Error).message)
    }
  }

  /** A client of one node of the configuration, with the root key, for `command`. Throws StartFailure or CommandFailure. */
  async clientOfNode(nodeId: string, command: string): Promise<HttpClient> {
    const configNeeded = `Error: ${command} command requires --config with a valid cluster configuration file`
    if (this.#isDirect()) throw new CommandFailure([configNeeded])
    const file = await this.#clusterFile().catch((error: unknown) => {
      if (!(error instanceof StartFailure)) throw error
      throw new CommandFailure([configNeeded], { log: { level: 'ERROR', message: error.detail } })
    })
    const endpoint = file.endpoints.get(nodeId)
    if (endpoint === undefined) throw new CommandFailure([`Error: node ID '${nodeId}' not found in configuration`])
    const apiKey = await this.rootKey()
    const ca = file.skipVerify ? undefined : await trustedCertificates(file.certificatePaths)
    return new HttpClient({
      endpoints: [endpoint],
      apiKey,
      skipVerify: file.skipVerify,
      followRedirects: false,
      retry: RETRY,
      totalTimeoutMs: TOTAL_TIMEOUT_MS,
      ...(ca === undefined ? {} : { ca }),
    })
  }

  /** Where the other nodes reach a node; undefined when the configuration lacks it. */
  async raftAddressOf(nodeId: string): Promise<string | undefined> {
    return (await this.#clusterFile()).raftAddresses.get(nodeId)
  }

  /** The root key. Throws StartFailure when there is no secret. */
  async rootKey(): Promise<string> {
    const secret = await this.#instanceSecret()
    if (secret === '') throw this.#missingSecret()
    return (await import('../contract/root-key.ts')).rootKeyOf(secret)
  }

  /** For an exchange that failed without an answer: which mistake in the address is the likely one. */
  schemeHint(): string | undefined {
    if (!this.#isDirect()) return undefined
    const address = this.#address('public')
    if (/^https?:\/\//.test(address)) return undefined
    const { publicUrl } = this.#directPlace().endpoints[0] ?? { publicUrl: '' }
    return publicUrl.startsWith('https:')
      ? `the address has no scheme, so TLS was tried; for a plain server write http://${address}`
      : `the address has no scheme, so plain HTTP was tried; for a server with TLS write https://${address}`
  }

  #isDirect(): boolean {
    return this.#address('public') !== '' || this.#address('private') !== ''
  }

  #address(listener: 'public' | 'private'): string {
    const flag = listener === 'public' ? this.#globals.publicAddress : this.#globals.privateAddress
    if (flag !== '') return flag
    return this.#environment[listener === 'public' ? 'INSI_PUBLIC_ADDRESS' : 'INSI_PRIVATE_ADDRESS'] ?? ''
  }

  #directPlace(): Omit<ClientOptions, 'apiKey'> {
    const skipVerify = this.#environment.INSI_SKIP_VERIFY === 'true'
    const publicAddress = this.#address('public') || this.#address('private')
    const privateAddress = this.#address('private') || publicAddress
    const endpoint: EndpointOptions = {
      publicUrl: urlOf(publicAddress, { skipVerify }),
      privateUrl: urlOf(privateAddress, { skipVerify }),
    }
    return { endpoints: [endpoint], skipVerify, followRedirects: false }
  }

  async #configuredPlace(): Promise<Omit<ClientOptions, 'apiKey'>> {
    const file = await this.#clusterFile()
    const { target } = this.#globals
    const first = target === '' ? file.defaultLeader : target
    if (first === '') {
      throw new StartFailure(CONFIG_CLIENT_FAILED, 'targetNodeID is empty and no DefaultLeader is set in config')
    }
    const endpoint = file.endpoints.get(first)
    if (endpoint === undefined) {
      const known = `the configuration has ${[...file.endpoints.keys()].join(', ') || 'no nodes'}`
      throw new StartFailure(CONFIG_CLIENT_FAILED, `node ID '${first}' not found in configuration`, known)
    }
    const others = target === '' ? [...file.endpoints.values()].filter((other) => other !== endpoint) : []
    const ca = file.skipVerify ? undefined : await trustedCertificates(file.certificatePaths)
    return {
      endpoints: [endpoint, ...others],
      skipVerify: file.skipVerify,
      followRedirects: target === '',
      ...(ca === undefined ? {} : { ca }),
    }
  }

  async #apiKey(access: Access): Promise<string> {
    if (this.#globals.isRoot) return this.rootKey()
    const apiKey = this.#environment.INSI_API_KEY ?? ''
    if (access === 'implied-root' && (apiKey === '' || (await this.#instanceSecret()) !== '')) return this.rootKey()
    if (apiKey !== '') return apiKey
    if (this.#isDirect()) {
      const detail = 'INSI_API_KEY environment variable is not set and --root flag is not provided'
      throw new StartFailure(DIRECT_CLIENT_FAILED, detail)
    }
    // A file that cannot be read is the nearer reason.
    await this.#clusterFile()
    const hint = 'set INSI_API_KEY to your key, or give --root before the command'
    throw new StartFailure(CONFIG_CLIENT_FAILED, 'apiKey is empty and --root flag is not set', hint)
  }

  async #instanceSecret(): Promise<string> {
    if (this.#isDirect()) return this.#environment.INSI_INSTANCE_SECRET ?? ''
    return (await this.#clusterFile()).instanceSecret
  }

  #missingSecret(): StartFailure {
    if (this.#isDirect()) {
      const detail = 'INSI_INSTANCE_SECRET environment variable is required when using --root without config'
      return new StartFailure(DIRECT_CLIENT_FAILED, detail)
    }
    return new StartFailure(CONFIG_CLIENT_FAILED, 'instanceSecret is missing in config')
  }

  // Loaded only in config mode: reading YAML takes about half as long as a request.
  async #clusterFile(): Promise<ClusterFile> {
    if (this.#file === undefined) {
      const { readClusterFile } = await import('./cluster-file.ts')
      this.#file = await readClusterFile(this.#globals.configPath, this.#environment)
    }
    return this.#file
  }
}

/** The system's certificates and those of the nodes that are at hand; undefined when there are none to add. */
async function trustedCertificates(paths: readonly string[]): Promise<readonly string[] | undefined> {
  if (paths.length === 0) return undefined
  const { readFile } = await import('node:fs/promises')
  const found = await Promise.all(paths.map((path) => readFile(path, 'utf8').catch(() => undefined)))
  const own = found.filter((certificate) => certificate !== undefined)
  if (own.length === 0) return undefined
  const { rootCertificates } = process.getBuiltinModule('node:tls')
  return [...rootCertificates, ...own]
}

/**
 * The URL of an address. A scheme is honoured. Without one: plain HTTP for a loopback address with a port, TLS for everything
 * else, for port 443, and when INSI_SKIP_VERIFY says that there is a certificate.
 */
export function urlOf(address: string, options: { readonly skipVerify: boolean }): string {
  if (/^https?:\/\//.test(address)) return address
  const url = URL.parse(`https://${address}`)
  if (url === null) return address
  const hasPlainPort = /:\d+$/.test(address) && url.port !== ''
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (hasPlainPort && isLoopbackHost(host) && !options.skipVerify) return `http://${address}`
  return `https://${address}`
}
