// How the options must fit together. Each check sees only what was valid by itself and adds every fault it finds.
import { isIP } from 'node:net'
import type { Draft } from './draft.ts'
import type { Fault } from './faults.ts'
import { NODES } from './options.ts'
import { nearestName } from './spelling.ts'

const UUID_PATTERN = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const RESERVED_PREFIXES: readonly string[] = ['internal', 'blob', '_']

/** Everything but addresses and secrets, which have files of their own. */
export function checkRelations(draft: Draft, faults: Fault[]): void {
  checkLeader(draft, faults)
  checkTls(draft, faults)
  checkRootPrefix(draft, faults)
  checkNodeSecrets(draft, faults)
  checkNetworks(draft, faults)
  checkOrders(draft, faults)
}

function checkLeader(draft: Draft, faults: Fault[]): void {
  const ids = Object.keys(draft.nodes)
  const leader = draft.values.defaultLeader
  if (ids.length === 0) {
    faults.push({ place: null, message: `no ${NODES} defined in config` })
  } else if (leader === undefined) {
    if (ids.length === 1 || draft.placeOf('defaultLeader') !== null) return
    const hint = `Name the node that founds the cluster on its first start, such as defaultLeader: ${ids[0] ?? ''}`
    faults.push({ place: null, message: 'defaultLeader is not set in config', hint })
  } else if (!ids.includes(leader)) {
    const nearest = nearestName(leader, ids)
    const suggestion = nearest === undefined ? '' : ` (did you mean "${nearest}"?)`
    const message = `defaultLeader "${leader}" is not one of the nodes: ${ids.join(', ')}${suggestion}`
    faults.push({ place: draft.placeOf('defaultLeader'), message })
  }
}

function checkTls(draft: Draft, faults: Fault[]): void {
  const { cert, key } = draft.values.tls ?? {}
  if ((cert === undefined) === (key === undefined)) return
  const [given, missing] = cert === undefined ? ['tls.key', 'tls.cert'] : ['tls.cert', 'tls.key']
  const message = 'TLS configuration incomplete: both cert and key must be provided if one is specified'
  faults.push({ place: draft.placeOf(given), message, hint: `Add ${missing}, or remove ${given}.` })
}

function checkRootPrefix(draft: Draft, faults: Fault[]): void {
  const prefix = draft.values.rootPrefix
  if (prefix === undefined || (!RESERVED_PREFIXES.includes(prefix) && !UUID_PATTERN.test(prefix))) return
  const message = `rootPrefix must not be ${RESERVED_PREFIXES.join(', ')} or a UUID, because tenants' scopes have such names`
  faults.push({ place: draft.placeOf('rootPrefix'), message })
}

function checkNodeSecrets(draft: Draft, faults: Fault[]): void {
  const seen = new Set<string>()
  for (const [id, node] of Object.entries(draft.nodes)) {
    const secret = node.nodeSecret
    if (secret === undefined) continue
    const message = 'duplicate node secret in config - each node must contain a unique nodeSecret'
    const hint = 'A node needs no nodeSecret: remove it, or make each one different.'
    if (seen.has(secret)) faults.push({ place: draft.placeOf(`nodes.${id}.nodeSecret`), message, hint })
    seen.add(secret)
  }
}

function checkNetworks(draft: Draft, faults: Fault[]): void {
  const lists = { trustedProxies: draft.values.trustedProxies, permittedIPs: draft.values.permittedIPs }
  for (const [name, list] of Object.entries(lists)) {
    for (const network of list ?? []) {
      if (isNetwork(network) || (network === '*' && name === 'permittedIPs')) continue
      const message = `${name}: "${network}" is neither an IP address nor a network such as 10.0.0.0/8`
      faults.push({ place: draft.placeOf(name), message })
    }
  }
}

function isNetwork(text: string): boolean {
  const [host = '', prefix] = text.split('/')
  const version = isIP(host)
  return version !== 0 && (prefix === undefined || Number(prefix) <= (version === 4 ? 32 : 128))
}

/** Pairs of which the first must not be more than the second, or than a fraction of it. */
function checkOrders(draft: Draft, faults: Fault[]): void {
  const { limits, raft } = draft.values
  const notMore = (
    name: string,
    value: number | undefined,
    other: string,
    bound: number | undefined,
    times = 1,
  ): void => {
    if (value === undefined || bound === undefined || value * times <= bound) return
    const amount = times === 1 ? `more than ${other}` : `more than a half of ${other}`
    const place = draft.placeOf(name) ?? draft.placeOf(other)
    faults.push({ place, message: `${name} (${value}) must not be ${amount} (${bound})` })
  }
  notMore('limits.valueSizeMax', limits?.valueSizeMax, 'limits.bodySizeMax', limits?.bodySizeMax)
  notMore('limits.headersTimeout', limits?.headersTimeout, 'limits.requestTimeout', limits?.requestTimeout)
  notMore('raft.heartbeat', raft?.heartbeat, 'raft.electionTimeout', raft?.electionTimeout, 2)
  notMore('raft.retryMin', raft?.retryMin, 'raft.retryMax', raft?.retryMax)
  notMore('raft.messageSizeMax', raft?.messageSizeMax, 'raft.inflightSizeMax', raft?.inflightSizeMax)
  notMore('raft.segmentSize', raft?.segmentSize, 'raft.logSizeMax', raft?.logSizeMax)
  notMore('raft.logRetainedEntries', raft?.logRetainedEntries, 'raft.logEntriesMax', raft?.logEntriesMax)
}
