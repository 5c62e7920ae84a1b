// A board as one HTML page, laid out as Grafana lays it out.
import type { Board } from '../../../scripts/boards/board.ts'
import type { Mark } from './draw-graph.ts'
import { drawPanel } from './draw-panel.ts'
import { marksOf } from './panel-data.ts'
import type { Question } from './panel-data.ts'
import { NAMED, escaped } from './svg.ts'

const COLUMN_WIDTH = 52
const UNIT_HEIGHT = 24
const GAP = 8
const ROW_HEIGHT = 26
const HEAD_HEIGHT = 50
const PANEL_HEIGHT = 8
const COLUMNS = 24
export const PAGE_WIDTH = COLUMNS * COLUMN_WIDTH + GAP

const STYLE = `
* { box-sizing: border-box; margin: 0 }
body { font: 12px/1.3 "DejaVu Sans", Arial, sans-serif; background: #f4f5f8; color: #22272e; position: relative }
h1 { font-size: 17px; position: absolute; left: 10px; top: 8px; font-weight: 600 } h1 small { font-size: 11px; font-weight: 400; color: #5b6470 }
h2 { font-size: 13px; position: absolute; left: 10px; font-weight: 600 }
h3 { font-size: 12px; font-weight: 600; height: 22px; padding: 4px 0 0 }
section { position: absolute; background: #fff; border: 1px solid #dde1e8; border-radius: 3px; padding: 0 8px; overflow: hidden }
svg { display: block; font-family: inherit }
.legend { height: 28px; overflow: hidden; font-size: 10px; color: #44505c; line-height: 14px }
.legend span { margin-right: 10px; white-space: nowrap; display: inline-block } .legend i { display: inline-block; width: 10px; height: 3px; margin-right: 4px; vertical-align: middle }
.stat { position: absolute; inset: 24px 0 0 0; display: flex; align-items: center; justify-content: center; font-size: 22px; font-weight: 600; text-align: center; line-height: 1.2 } .stat small { font-size: 12px; font-weight: 400 }
table { border-collapse: collapse; width: 100%; font-size: 11px } th, td { text-align: left; padding: 3px 8px; border-bottom: 1px solid #eceff3 } th { color: #5b6470; font-weight: 600 }
.bars { padding-top: 6px } .bar { display: flex; align-items: center; margin: 8px 0; font-size: 11px } .bar b { width: 78px; font-weight: 400 } .bar p { flex: 1; background: #eceff3; height: 16px } .bar i { display: block; height: 16px } .bar em { width: 52px; text-align: right; font-style: normal }
.quiet { color: #299c46; padding-top: 30px; text-align: center; font-size: 13px } .alerts p { padding: 4px 0 } .alerts i { display: inline-block; width: 9px; height: 9px; margin-right: 6px; border-radius: 2px }
`

export interface BoardPage {
  readonly html: string
  readonly heightPixels: number
}

export async function boardPage(board: Board, question: Question): Promise<BoardPage> {
  const marks = await marksOn(board, question)
  const parts: string[] = []
  let top = HEAD_HEIGHT - 10
  for (const row of board.rows) {
    parts.push(`<h2 style="top:${top + 5}px">${escaped(row.title)}</h2>`)
    top += ROW_HEIGHT
    let column = 0
    let height = 0
    for (const panel of row.panels) {
      if (column + panel.width > COLUMNS) {
        column = 0
        top += height
      }
      height = (panel.height ?? PANEL_HEIGHT) * UNIT_HEIGHT
      const [wide, high] = [panel.width * COLUMN_WIDTH - GAP, height - GAP]
      const drawn = await drawPanel(panel, { width: wide, height: high, range: question.range, marks, question })
      const place = `left:${GAP + column * COLUMN_WIDTH}px;top:${top}px;width:${wide}px;height:${high}px`
      parts.push(`<section style="${place}">${drawn}</section>`)
      column += panel.width
    }
    top += height
  }
  const title = `<h1>${escaped(board.title)} <small>${escaped(board.description)}</small></h1>`
  const html = `<!doctype html><meta charset="utf-8"><style>${STYLE}</style><body style="height:${top}px">${title}${parts.join('\n')}`
  return { html, heightPixels: top + GAP }
}

async function marksOn(board: Board, question: Question): Promise<Mark[]> {
  const found = await Promise.all(
    board.annotations.map(async ({ colour, expression }) =>
      (await marksOf(expression, question)).map((timeSeconds) => ({ timeSeconds, colour: NAMED[colour] ?? '' })),
    ),
  )
  return found.flat()
}
