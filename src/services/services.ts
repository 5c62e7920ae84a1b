// Builds every service of a node from the ports they share.
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import type { Config } from '../config/config.ts'
import type { StateReader } from '../state/state-reader.ts'
import { AliasService } from './aliases.ts'
import { CacheService } from './cache.ts'
import { EntityService } from './entities.ts'
import { HealthService } from './health.ts'
import { InsightService } from './insight.ts'
import { KeyService } from './keys.ts'
import { LimitsService } from './limits.ts'
import { PingService } from './ping.ts'
import { Proposer } from './proposer.ts'
import { PurgeDriver } from './purge-driver.ts'
import { ReadGate } from './read-gate.ts'
import type { Replicator } from './replicator.ts'
import { TokenCodec } from './tokens.ts'
import { ValueService } from './values.ts'

export interface ServicesDeps {
  readonly config: Config
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly reader: StateReader
  readonly replicator: Replicator
}

export interface Services {
  readonly values: ValueService
  readonly cache: CacheService
  readonly keys: KeyService
  readonly entities: EntityService
  readonly aliases: AliasService
  readonly limits: LimitsService
  readonly insight: InsightService
  readonly ping: PingService
  readonly health: HealthService
  /** Started and stopped by the node. */
  readonly purgeDriver: PurgeDriver
}

export function createServices({ config, clock, random, log, reader, replicator }: ServicesDeps): Services {
  const { instanceSecret, previousInstanceSecret, rootPrefix } = config
  const tokens = new TokenCodec(
    previousInstanceSecret === null ? [instanceSecret] : [instanceSecret, previousInstanceSecret],
  )
  const proposer = new Proposer(replicator)
  const readGate = new ReadGate({ reader, replicator })
  const keys = new KeyService(
    { clock, reader, replicator, tokens },
    { instanceSecret, rootPrefix, rememberMs: config.cache.keysMs },
  )
  return {
    values: new ValueService({ clock, reader, readGate, proposer }),
    cache: new CacheService({ clock, reader, readGate, proposer }, { standardTtlMs: config.cache.standardTtlMs }),
    keys,
    entities: new EntityService(
      { clock, random, replicator, proposer, tokens, keys },
      { defaultLimits: config.entityDefaults },
    ),
    aliases: new AliasService({ clock, random, reader, readGate, replicator, proposer, tokens, keys }),
    limits: new LimitsService({ clock, reader, readGate, replicator, proposer, keys }),
    insight: new InsightService({ reader, readGate, tokens, keys }),
    ping: new PingService({ clock, reader, replicator }),
    health: new HealthService({ clock, replicator }),
    purgeDriver: new PurgeDriver({ clock, log: log.child({ part: 'purge' }), reader, replicator, proposer }),
  }
}
