// Chance as a port: the only place that reads randomness. The simulation injects a seeded one.
import { randomBytes, randomInt, randomUUID } from 'node:crypto'

export interface Random {
  /** An integer in [0, exclusiveMax). */
  int(exclusiveMax: number): number
  /** `count` unpredictable bytes. */
  bytes(count: number): Uint8Array
  /** A version 4 UUID, lower case. */
  uuid(): string
}

/** The operating system's randomness. */
export const systemRandom: Random = {
  int: (exclusiveMax) => randomInt(exclusiveMax),
  bytes: (count) => randomBytes(count),
  uuid: () => randomUUID(),
}
