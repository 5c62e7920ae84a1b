// Writes charts/insi/dashboards, one file a board of scripts/boards.
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { BOARDS } from './boards/boards.ts'
import { renderBoard } from './boards/render.ts'

export const DASHBOARDS = path.resolve(import.meta.dirname, '../charts/insi/dashboards')

export interface DashboardFile {
  readonly path: string
  readonly content: string
}

export function renderDashboards(): DashboardFile[] {
  return BOARDS.map((board) => ({
    path: path.join(DASHBOARDS, `${board.uid}.json`),
    content: renderBoard(
      board,
      BOARDS.filter((other) => other !== board),
    ),
  }))
}

export async function generateDashboards(): Promise<void> {
  await mkdir(DASHBOARDS, { recursive: true })
  for (const file of renderDashboards()) await writeFile(file.path, file.content)
}

if (import.meta.main) await generateDashboards()
