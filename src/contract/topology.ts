// The file that names a cluster's nodes, as it is handed from the reconciler, or a person, to each node: which of several is the
// newest, and whether it is whole.
import { createHash } from 'node:crypto'

/** Two files are the same when both members are; of two, the one with the higher generation is the newer. */
export interface TopologyMark {
  /** A positive integer that grows with every change. */
  readonly generation: number
  /** Lower-case hexadecimal SHA-256 of the body. */
  readonly hash: string
}

export interface TopologyFile extends TopologyMark {
  /** A cluster.yaml without secrets. */
  readonly body: string
}

/** Names of options that hold secrets, in any spelling. */
const SECRET_OPTION = /^(previous)?(instance|node)?secret$/i
const MARK_LINE = /^# generation: (\d{1,15}), hash: ([0-9a-f]{64})$/
/** The mark stands within the comments at the top, where the plan of a dry run may be as well. */
const HEAD_LINES_MAX = 32
const DOCUMENT_LINE = '---'

export function topologyHash(body: string): string {
  return createHash('sha256').update(body, 'utf8').digest('hex')
}

/** What a file says of itself below `title`, a comment of one line. */
export function topologyText(title: string, { body, generation, hash }: TopologyFile): string {
  return `# ${title}\n# generation: ${generation}, hash: ${hash}\n${body}`
}

/** The mark of a file and what stands below it; a file without a mark is all body. The hash is as the file says. */
export function readTopology(text: string): { readonly mark: TopologyMark | null; readonly body: string } {
  let at = 0
  for (let line = 0; line < HEAD_LINES_MAX; line++) {
    if (text[at] !== '#' && !text.startsWith(`${DOCUMENT_LINE}\n`, at)) break
    const end = text.indexOf('\n', at)
    if (end === -1) break
    const [, generation = '', hash = ''] = MARK_LINE.exec(text.slice(at, end).trimEnd()) ?? []
    at = end + 1
    if (hash !== '') return { mark: { generation: Number(generation), hash }, body: text.slice(at) }
  }
  return { mark: null, body: text }
}

/** The mark of a file whose body is what the mark was made for; null for any other. */
export function intactMark(text: string): TopologyMark | null {
  const { body, mark } = readTopology(text)
  return mark !== null && mark.generation > 0 && mark.hash === topologyHash(body) ? mark : null
}

export function isSecretOption(name: string): boolean {
  return SECRET_OPTION.test(name.replaceAll(/[_-]/g, ''))
}
