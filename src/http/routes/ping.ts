// Ping: who answers, and whether the key is good.
import type { PingService } from '../../services/ping.ts'
import { sendJson } from '../answers.ts'
import type { Handlers } from '../endpoints.ts'
import { callerOf } from '../middleware/authenticate.ts'

export function pingHandlers(ping: PingService): Handlers {
  return {
    ping: (ctx) => {
      const { entity, leader, badgeId, uptime } = ping.ping(callerOf(ctx))
      sendJson(ctx, JSON.stringify({ entity, leader, 'node-badge-id': badgeId, status: 'ok', uptime }))
    },
  }
}
