// The log of a process: format by what stderr is, and the secrets that no line may show.
import type { Config } from '../../config/config.ts'
import { mayColour, processEnvironment } from '../../config/environment.ts'
import { rootKeyOf } from '../../contract/root-key.ts'
import { createLog } from '../../logging/pino-log.ts'
import type { AdjustableLog } from '../../base/log.ts'

export function formatOf(config: Config): 'json' | 'pretty' {
  const { format } = config.logging
  if (format !== 'auto') return format
  return process.stderr.isTTY ? 'pretty' : 'json'
}

export function openLog(config: Config): Promise<AdjustableLog> {
  const instanceSecrets = [config.instanceSecret, config.previousInstanceSecret].filter((secret) => secret !== null)
  const nodeSecrets = Object.values(config.nodes).flatMap(({ nodeSecret }) => (nodeSecret === null ? [] : [nodeSecret]))
  return createLog({
    level: config.logging.level,
    format: formatOf(config),
    colour: mayColour(processEnvironment(), process.stderr),
    secrets: [...instanceSecrets, ...instanceSecrets.map(rootKeyOf), ...nodeSecrets],
  })
}
