// What a person sees once the server listens: where, and what to do first. Never a secret.
import { insiVersion } from './version.ts'

export interface ListeningNode {
  readonly nodeId: string
  readonly publicUrl: string
  readonly privateUrl: string
  readonly opsUrl: string | null
  readonly raftAddress: string
}

export interface BannerContext {
  readonly configPath: string
  /** How insic is started here: `insic`, or `npx insic` in a checkout. */
  readonly insicCommand: string
  /** The certificate is the server's own: curl must not verify it. */
  readonly skipVerify: boolean
}

const CONFIG_PATH_DEFAULT = 'cluster.yaml'

/** `nodes` is not empty. */
export function bannerOf(nodes: readonly ListeningNode[], context: BannerContext): string {
  const [first] = nodes
  if (first === undefined) return ''
  const insic =
    context.configPath === CONFIG_PATH_DEFAULT
      ? context.insicCommand
      : `${context.insicCommand} --config ${context.configPath}`
  const publicUrl = reachable(first.publicUrl)
  const curl = context.skipVerify ? 'curl -k' : 'curl'
  return [
    `insid ${insiVersion()} is listening`,
    ...nodes.flatMap(linesOf),
    '',
    `Is it ready?      ${curl} ${reachable(first.opsUrl ?? first.privateUrl)}/readyz`,
    `The root key:     ${insic} root-key`,
    `A key for an app: ${insic} admin create-key myapp`,
    'A first value:    export INSI_API_KEY=<the key that was printed>',
    `                  ${curl} -X POST ${publicUrl}/db/api/v1/set -H "Authorization: Bearer $INSI_API_KEY" \\`,
    `                    -H 'Content-Type: application/json' -d '{"key": "user", "value": "Alice"}'`,
    '',
  ].join('\n')
}

/** The same listener as this machine reaches it. */
function reachable(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:')
}

function linesOf(node: ListeningNode): string[] {
  const ops = node.opsUrl === null ? '' : `  ops ${node.opsUrl}`
  return [`  ${node.nodeId}  public ${node.publicUrl}  private ${node.privateUrl}${ops}  raft ${node.raftAddress}`]
}
