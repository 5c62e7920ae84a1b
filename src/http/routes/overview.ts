// The route by which root sees everything at once, and the page that shows it.
import { readFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import type { Overview, OverviewService } from '../../services/overview.ts'
import { sendJson, sendPage } from '../answers.ts'
import type { Handlers } from '../endpoints.ts'
import { clusterMembers } from './cluster.ts'
import { operationMembers } from './operations.ts'

export interface OverviewRouteDeps {
  readonly overview: OverviewService
  readonly version: string
}

export function overviewHandlers({ overview, version }: OverviewRouteDeps): Handlers {
  const page = readFileSync(new URL('../status-page.html', import.meta.url), 'utf8')
  const policy = policyOf(page)
  return {
    'admin.overview': async (ctx) => {
      const { nodeId } = ctx.state.node
      const body = { node_id: nodeId, version, ...overviewMembers(await overview.overview()) }
      sendJson(ctx, JSON.stringify(body), ['Cache-Control', 'no-store'])
    },
    'page.status': (ctx) => sendPage(ctx, page, policy),
  }
}

/** Nothing but what the page itself holds runs, and it talks to this node alone. */
function policyOf(page: string): string {
  const hashes = (tag: string): string =>
    [...page.matchAll(new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`, 'g'))]
      .map(([, text = '']) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`)
      .join(' ')
  return (
    `default-src 'none'; script-src ${hashes('script')}; style-src ${hashes('style')}; connect-src 'self'; img-src data:; ` +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
  )
}

function overviewMembers({ cluster, history, rates, usage }: Overview) {
  return {
    cluster: cluster === null ? null : clusterMembers(cluster),
    operations: operationMembers(rates),
    entities: {
      active: usage.activeCount,
      deleting: usage.deletingCount,
      bytes_on_disk: usage.sums.disk,
      bytes_in_memory: usage.sums.memory,
      events: usage.sums.events,
      subscribers: usage.sums.subscribers,
      top: usage.top.map(({ diskBytes, events, keyUuid, memoryBytes, name, ratios, subscribers }) => ({
        key_uuid: keyUuid,
        name,
        bytes_on_disk: diskBytes,
        bytes_in_memory: memoryBytes,
        events,
        subscribers,
        quota_usage: ratios,
      })),
    },
    history: history.map(({ term, text, timeMs, type }) => ({
      time: new Date(timeMs).toISOString(),
      type,
      term,
      text,
    })),
  }
}
