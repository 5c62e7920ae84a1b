// The spellings of a key of cluster.yaml, and which known name an unknown one comes nearest to.

/** Names beyond the rule: an older spelling of the data directory, and the acronym of a duration. */
const EXTRA_SPELLINGS: Readonly<Record<string, readonly string[]>> = {
  insiHome: ['insid_home', 'insidHome'],
  'standard-ttl': ['standardTTL'],
}

/** The words of a name, lower case: `permittedIPs` is permitted, ips; `serverMustUseTLS` ends in tls. */
function wordsOf(name: string): string[] {
  return name
    .replace('IPs', 'Ips')
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(/[\s_-]+/)
    .map((word) => word.toLowerCase())
}

export function snakeCase(name: string): string {
  return wordsOf(name).join('_')
}

function camelCase(name: string): string {
  return wordsOf(name)
    .map((word, at) => (at === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1)))
    .join('')
}

/** Every spelling that the file may use for `name`; the first is `name` itself. */
export function spellingsOf(name: string): string[] {
  return [...new Set([name, snakeCase(name), camelCase(name), ...(EXTRA_SPELLINGS[name] ?? [])])]
}

/** The one of `known` that differs least from `unknown`, or undefined when none is near. */
export function nearestName(unknown: string, known: readonly string[]): string | undefined {
  let best: { name: string; distance: number } | undefined
  for (const name of known) {
    const distance = Math.min(...spellingsOf(name).map((spelling) => editDistance(squash(unknown), squash(spelling))))
    if (best === undefined || distance < best.distance) best = { name, distance }
  }
  return best !== undefined && best.distance <= Math.max(2, Math.floor(unknown.length / 3)) ? best.name : undefined
}

function squash(name: string): string {
  return name.replace(/[\s_-]/g, '').toLowerCase()
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `from` into `to`. */
function editDistance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, at) => at)]
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Number.POSITIVE_INFINITY
  for (let i = 1; i <= from.length; i++) {
    rows.push([i])
    for (let j = 1; j <= to.length; j++) {
      const replace = at(i - 1, j - 1) + (from[i - 1] === to[j - 1] ? 0 : 1)
      const swap = from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1] ? at(i - 2, j - 2) + 1 : Infinity
      rows[i]?.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, replace, swap))
    }
  }
  return at(from.length, to.length)
}
