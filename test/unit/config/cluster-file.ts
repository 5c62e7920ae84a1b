// Texts of configuration files for the tests of config/.
import type { LoadOptions, LoadedConfig } from '../../../src/config/load.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { ConfigError } from '../../../src/config/faults.ts'

/** Long and mixed enough for any binding; also searched for in messages that must not show it. */
export const STRONG_SECRET = 'kX9vQ2mTz7LwB4nRj8Yd5HsG1cPf6Ue3'

/** The multi-node sample as people copy it, with `secret` in place of its placeholder. */
export function snakeCaseSample(secret: string): string {
  return [
    'default_leader: "node0"',
    `instance_secret: "${secret}"`,
    'nodes:',
    '  node0:',
    '    public_binding: "0.0.0.0:8080"',
    '    private_binding: "0.0.0.0:8081" ',
    '    raft_binding: "0.0.0.0:7000"',
    '  node1:',
    '    public_binding: "0.0.0.0:8082"',
    '    private_binding: "0.0.0.0:8083"',
    '    raft_binding: "0.0.0.0:7001"',
    '  # Add more nodes...',
    '',
  ].join('\n')
}

/** One node on the loopback interface, preceded by `lines`. */
export function singleNodeFile(...lines: string[]): string {
  return [
    ...lines,
    'nodes:',
    '  node0:',
    '    publicBinding: 127.0.0.1:8080',
    '    privateBinding: 127.0.0.1:8081',
    '    raftBinding: 127.0.0.1:7000',
    '',
  ].join('\n')
}

export const SECRET_LINE = `instanceSecret: ${STRONG_SECRET}`

/** Parses `text` under the name cluster.yaml. */
export function parse(text: string, options: Partial<LoadOptions> = {}): LoadedConfig {
  return parseConfig(text, { path: 'cluster.yaml', ...options })
}

/** The faults of `text` as `line:column message`, `- message` without a place, or `source message`. */
export function faultsOf(text: string, options: Partial<LoadOptions> = {}): string[] {
  return errorOf(text, options).faults.map(({ place, message }) => {
    if (place === null) return `- ${message}`
    if (place.type === 'file') return `${place.line}:${place.column} ${message}`
    return `${place.type === 'flag' ? place.flag : place.variable} ${message}`
  })
}

/** The error that parsing `text` throws. */
export function errorOf(text: string, options: Partial<LoadOptions> = {}): ConfigError {
  try {
    parse(text, options)
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('the text was accepted')
}
