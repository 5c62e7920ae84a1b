// A YAML text as a tree whose every value knows its line and column. Knows YAML, but no option.
import { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml'
import type { Document, Node, Pair } from 'yaml'
import type { Fault, Place } from './faults.ts'

export interface SourceMap {
  readonly type: 'map'
  readonly place: Place
  readonly entries: readonly { readonly key: string; readonly place: Place; readonly node: SourceNode }[]
}

interface SourceValue {
  readonly type: 'value'
  readonly place: Place
  /** A scalar, or an array of them; null when the value is left out. */
  readonly value: unknown
}

export type SourceNode = SourceMap | SourceValue

/** Deeper than any option; ends the reading of an anchor that contains itself. */
const DEPTH_MAX = 8

/** Texts of our own: the parser's may quote the line, and a line may hold a secret. */
const SYNTAX_FAULTS: Readonly<Record<string, string>> = {
  BAD_INDENT: 'wrong indentation, or a bracket that is not closed',
  BAD_SCALAR_START: 'a value cannot begin with this character: put it into quotes',
  BAD_DQ_ESCAPE: 'unknown escape in a double-quoted text: use single quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a second colon in one line, or wrong indentation: put values with a colon into quotes',
  DUPLICATE_KEY: 'this key stands twice',
  MISSING_CHAR: 'something is not closed or not separated: a quote, a bracket, a comma or a colon is missing',
  MULTIPLE_DOCS: 'a second document begins here: the file must be one document',
  MULTILINE_IMPLICIT_KEY: 'a key must stand on one line and end with a colon',
  TAB_AS_INDENT: 'a tab cannot indent: use spaces',
  TAG_RESOLVE_FAILED: 'unknown tag: put values that begin with an exclamation mark into quotes',
}

/** Reads a YAML text. With faults of syntax the tree is null: what follows them would be guesses. */
export function readSource(text: string): { readonly root: SourceNode | null; readonly faults: readonly Fault[] } {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter, prettyErrors: false })
  const problems = [...document.errors, ...document.warnings]
  if (problems.length > 0) {
    const faults = problems.map(({ code, pos }) => {
      const { line, col } = lineCounter.linePos(pos[0])
      const reason = SYNTAX_FAULTS[code] ?? 'this is not YAML'
      return { place: filePlace(line, col), message: `config file is unmarshallable: ${reason}` }
    })
    return { root: null, faults }
  }
  const faults: Fault[] = []
  const reader: Reader = { document, lineCounter, faults }
  return { root: readNode(reader, document.contents, filePlace(1, 1), 0), faults }
}

interface Reader {
  readonly document: Document
  readonly lineCounter: LineCounter
  readonly faults: Fault[]
}

function filePlace(line: number, column: number): Place {
  return { type: 'file', line, column }
}

function placeOf(reader: Reader, node: Node | null, fallback: Place): Place {
  const offset = node?.range?.[0]
  if (offset === undefined) return fallback
  const { line, col } = reader.lineCounter.linePos(offset)
  return filePlace(line, col)
}

function readNode(reader: Reader, node: Node | null, parentPlace: Place, depth: number): SourceNode {
  const place = placeOf(reader, node, parentPlace)
  if (depth > DEPTH_MAX) {
    reader.faults.push({ place, message: `config file is unmarshallable: nested more than ${DEPTH_MAX} levels deep` })
    return { type: 'value', place, value: null }
  }
  if (isAlias(node)) {
    const target = node.resolve(reader.document)
    if (target !== undefined) return readNode(reader, target, place, depth + 1)
    reader.faults.push({
      place,
      message: 'config file is unmarshallable: no anchor of this name: put values that begin with * into quotes',
    })
    return { type: 'value', place, value: null }
  }
  if (isMap(node)) {
    const entries = node.items.map((pair) => readPair(reader, pair as Pair<Node, Node | null>, place, depth))
    return { type: 'map', place, entries }
  }
  if (isSeq(node)) {
    const items = node.items.map((item) => readNode(reader, item as Node, place, depth + 1))
    return { type: 'value', place, value: items.map((item) => (item.type === 'value' ? item.value : {})) }
  }
  return { type: 'value', place, value: isScalar(node) ? node.value : null }
}

function readPair(reader: Reader, pair: Pair<Node, Node | null>, mapPlace: Place, depth: number) {
  const place = placeOf(reader, pair.key, mapPlace)
  const key = isScalar(pair.key) ? (pair.key.source ?? '') : ''
  return { key, place, node: readNode(reader, pair.value, place, depth + 1) }
}
