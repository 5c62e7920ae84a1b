// Draws the boards into docs/pictures: `node test/observability/draw-boards.ts`. Runs three nodes, a reconciler and a Prometheus for some
// minutes; each panel shows what Prometheus answers to its queries. Needs prometheus, and Chromium (CHROMIUM names another program).
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { BOARDS } from '../../scripts/boards/boards.ts'
import { BusyCluster } from './busy-cluster.ts'
import { PAGE_WIDTH, boardPage } from './picture/board-page.ts'
import { smallPng } from './picture/small-png.ts'

const PICTURES = path.resolve(import.meta.dirname, '../../docs/pictures')
const CALM_SECONDS = Number(process.env['CALM_SECONDS'] ?? 100)
const STEP_SECONDS = 2
const RATE_SECONDS = 10
const DRAW_TIMEOUT_MS = 60_000

const execute = promisify(execFile)

async function drawn(html: string, heightPixels: number, file: string): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'insi-board-'))
  try {
    const page = path.join(folder, 'board.html')
    await writeFile(page, html)
    await execute(
      process.env['CHROMIUM'] ?? 'chromium',
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--hide-scrollbars',
        '--disable-lcd-text',
        `--user-data-dir=${folder}/profile`,
        `--window-size=${PAGE_WIDTH},${heightPixels}`,
        `--screenshot=${file}`,
        `file://${page}`,
      ],
      { timeout: DRAW_TIMEOUT_MS },
    )
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

const busy = await BusyCluster.start({ calmSeconds: CALM_SECONDS })
try {
  await mkdir(PICTURES, { recursive: true })
  const { cluster, prometheus } = busy.scraped
  const range = busy.range(STEP_SECONDS)
  for (const board of BOARDS) {
    const question = { prometheus, nodeIds: cluster.nodeIds, range, rateSeconds: RATE_SECONDS }
    const { heightPixels, html } = await boardPage(board, question)
    const file = path.join(PICTURES, `${board.uid}.png`)
    await drawn(html, heightPixels, file)
    await writeFile(file, smallPng(await readFile(file)))
    process.stdout.write(`${file}: ${(await stat(file)).size} bytes\n`)
  }
} finally {
  await busy.stop()
}
