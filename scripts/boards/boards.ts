// All boards, and every query in them.
import type { Board } from './board.ts'
import { CLUSTER_BOARD } from './cluster.ts'
import { NODE_BOARD } from './node.ts'
import { TENANTS_BOARD } from './tenants.ts'

export const BOARDS: readonly Board[] = [CLUSTER_BOARD, NODE_BOARD, TENANTS_BOARD]

export interface BoardQuery {
  /** Where it stands, for a person. */
  readonly place: string
  /** With the variables of Grafana in it. */
  readonly expression: string
}

export function queriesOf(board: Board): BoardQuery[] {
  const panels = board.rows.flatMap((row) => row.panels)
  return [
    ...panels.flatMap(({ queries, title }) =>
      queries.map(({ expression }) => ({ place: `${board.title} / ${title}`, expression })),
    ),
    ...board.annotations.map(({ expression, name }) => ({ place: `${board.title} / annotation ${name}`, expression })),
  ]
}
