// Topics and patterns. A topic is any text; its words are what stands between dots. In a pattern `*` is any one word, and a
// final `>` is one word or more. A subscriber without wildcards gets exactly its topic.
import { must } from '../../base/assert.ts'
import { PATTERN_WORDS_MAX } from '../../contract/limits.ts'

const ANY_WORD = '*'
const ANY_REST = '>'

/** The words of a pattern, or null for a topic without wildcards. Undefined when a wildcard stands where it cannot. */
export function parsePattern(text: string): readonly string[] | null | undefined {
  if (!text.includes(ANY_WORD) && !text.includes(ANY_REST)) return null
  const words = text.split('.')
  if (words.length > PATTERN_WORDS_MAX) return undefined
  const isMisplaced = (word: string, at: number): boolean =>
    (word.includes(ANY_WORD) && word !== ANY_WORD) ||
    (word.includes(ANY_REST) && (word !== ANY_REST || at !== words.length - 1))
  return words.some(isMisplaced) ? undefined : words
}

/** True when a pattern of parsePattern matches the topic. */
export function matchesPattern(pattern: readonly string[], topic: string): boolean {
  const words = topic.split('.')
  for (const [at, word] of pattern.entries()) {
    if (at >= words.length) return false
    if (word === ANY_REST) return true
    if (word !== ANY_WORD && word !== words[at]) return false
  }
  return words.length === pattern.length
}

interface PatternNode<Item> {
  readonly items: Set<Item>
  readonly next: Map<string, PatternNode<Item>>
}

function emptyNode<Item>(): PatternNode<Item> {
  return { items: new Set(), next: new Map() }
}

/** Who wants which topic. Looking up costs by the patterns that match the first words, not by the number of subscribers. */
export class TopicIndex<Item> {
  readonly #exact = new Map<string, Set<Item>>()
  readonly #patterns = emptyNode<Item>()

  /** `pattern`: what parsePattern made of `topic`. */
  add(topic: string, pattern: readonly string[] | null, item: Item): void {
    if (pattern === null) {
      const items = this.#exact.get(topic)
      if (items === undefined) this.#exact.set(topic, new Set([item]))
      else items.add(item)
      return
    }
    let node = this.#patterns
    for (const word of pattern) {
      const next = node.next.get(word) ?? emptyNode<Item>()
      node.next.set(word, next)
      node = next
    }
    node.items.add(item)
  }

  delete(topic: string, pattern: readonly string[] | null, item: Item): void {
    if (pattern === null) {
      const items = this.#exact.get(topic)
      items?.delete(item)
      if (items?.size === 0) this.#exact.delete(topic)
    } else {
      removeFrom(this.#patterns, pattern, item)
    }
  }

  /** Every item whose topic or pattern matches, each once. */
  match(topic: string): Item[] {
    const found = [...(this.#exact.get(topic) ?? [])]
    if (this.#patterns.next.size > 0) collect(this.#patterns, topic.split('.'), found)
    return found
  }
}

/** Breadth first: topics may have more words than a stack is deep. */
function collect<Item>(root: PatternNode<Item>, words: readonly string[], found: Item[]): void {
  let nodes = [root]
  for (const word of words) {
    const following: PatternNode<Item>[] = []
    for (const { next } of nodes) {
      found.push(...(next.get(ANY_REST)?.items ?? []))
      const any = next.get(ANY_WORD)
      if (any !== undefined) following.push(any)
      // A published word may be a wildcard's character itself; it is matched by wildcards only.
      const same = word === ANY_WORD || word === ANY_REST ? undefined : next.get(word)
      if (same !== undefined) following.push(same)
    }
    if (following.length === 0) return
    nodes = following
  }
  for (const { items } of nodes) found.push(...items)
}

/** Branches without items are cut off, so that the index holds no more than what is subscribed. */
function removeFrom<Item>(root: PatternNode<Item>, pattern: readonly string[], item: Item): void {
  const path = [root]
  for (const word of pattern) {
    const next = path.at(-1)?.next.get(word)
    if (next === undefined) return
    path.push(next)
  }
  path.at(-1)?.items.delete(item)
  for (let depth = pattern.length; depth > 0; depth -= 1) {
    const node = must(path[depth], 'the path has a node for each word')
    if (node.items.size > 0 || node.next.size > 0) return
    path[depth - 1]?.next.delete(must(pattern[depth - 1], 'a word leads to each node'))
  }
}
